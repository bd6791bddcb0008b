"""The live page."""

from uuid import UUID

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse

from apps.accounts.models import Member
from apps.accounts.policies import Right, may
from apps.accounts.selectors import frame, membership
from apps.common.pages import page
from apps.deliveries.views import glance
from apps.deliveries.words import FOR_SCRIPTS
from apps.destinations.selectors import destinations_of
from apps.logs.selectors import epoch, newest
from apps.users.models import User
from apps.users.selectors import caller
from apps.users.signals import came

# Entries that a page shows when it opens; the socket brings them, so that first and later entries come one way.
_SHOWN_AT_FIRST = 200


@page
def live(request: HttpRequest, account_id: UUID) -> HttpResponse:
    member = membership(caller(request), account_id)
    if member.state == Member.State.INVITED:  # a browser that was signed in before
        came.send(User, user=member.user)
    account = member.account
    destinations = destinations_of(account)
    context = frame(member, "live") | {
        "words": FOR_SCRIPTS,
        "destinations": destinations,
        "ingest_url": f"{settings.PUBLIC_URL}/server/incoming_data",
        "live": {
            "socket": f"/ws/accounts/{account.pk}/logs/",
            "logs": f"/api/v1/accounts/{account.pk}/logs/",
            "events": reverse("events", args=[account.pk]),
            "may_replay": may(member.role.role_name, Right.SEND_AGAIN),
            "after": max(0, newest([account.pk])[account.pk] - _SHOWN_AT_FIRST),
            "epoch": epoch(),
            "kept_days": settings.LOG_RETENTION_DAYS,
        },
    }
    return render(request, "deliveries/live.html", context | glance.shown(request, account, destinations))
