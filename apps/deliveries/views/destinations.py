"""The page of a destination: how its deliveries fare, why they fail, and a test."""

from typing import Any
from uuid import UUID

from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone

from apps.accounts.models import Member
from apps.accounts.policies import Right, authorise
from apps.accounts.selectors import frame, membership
from apps.common.pages import action, page
from apps.common.texts import visible
from apps.deliveries.forms import TestForm
from apps.deliveries.network import inbox_key
from apps.deliveries.probe import send_test
from apps.deliveries.views import glance
from apps.deliveries.views.timings import bar
from apps.deliveries.words import advice, headline
from apps.destinations.models import Destination
from apps.destinations.selectors import destination_of
from apps.logs.selectors import causes
from apps.users.selectors import caller


@page
def destination(request: HttpRequest, account_id: UUID, destination_id: UUID) -> HttpResponse:
    member = membership(caller(request), account_id)
    return _shown(request, member, destination_of(member.account, destination_id))


def _shown(request: HttpRequest, member: Member, found: Destination, status: int = 200, **more: Any) -> HttpResponse:
    why, looked_at = causes(member.account_id, found.pk)
    context = frame(member, "destinations") | {
        "destination": found,
        "tab": "overview",
        "inbox": inbox_key(found.url),
        "form": TestForm(),
        "causes": [
            (each, headline(each.error, each.response_status), advice(each.error, each.response_status)) for each in why
        ],
        "looked_at": looked_at,
        "failure": headline(found.breaker.error, found.breaker.response_status),
        "hint": advice(found.breaker.error, found.breaker.response_status),
    }
    seen = glance.shown(request, member.account, [found], found.pk)
    return render(request, "deliveries/destination.html", context | seen | more, status=status)


@action("destination", "account_id", "destination_id")
def test(request: HttpRequest, account_id: UUID, destination_id: UUID) -> HttpResponse:
    """Sends once, and shows what was sent and what came of it."""
    member = membership(caller(request), account_id)
    found = destination_of(member.account, destination_id)
    authorise(member.role.role_name, Right.MANAGE_DESTINATIONS)
    asked = TestForm(request.POST)
    if not asked.is_valid():
        return _shown(request, member, found, 400, form=asked)
    try:
        came = send_test(destination=found, by=member, data=asked.cleaned_data["body"])
    except ValidationError as error:
        asked.add_error("body", error.messages)
        return _shown(request, member, found, 400, form=asked)
    outcome = {
        "came": came,
        "good": not came.error,
        "headline": headline(came.error, came.response_status),
        "advice": advice(came.error, came.response_status),
        "answer": visible(came.response_body),
        "bar": bar(came.timings, came.latency_ms),
        "at": timezone.now(),
    }
    return _shown(request, member, found, form=asked, outcome=outcome)
