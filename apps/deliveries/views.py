"""The live page."""

from uuid import UUID

from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from apps.accounts.policies import Right, may
from apps.accounts.selectors import accounts_of, membership
from apps.common.errors import Missing
from apps.deliveries.selectors import waiting_by_destination
from apps.destinations.models import Destination
from apps.destinations.selectors import destinations_of
from apps.logs.selectors import epoch, newest
from apps.users.selectors import caller

# Entries that a page shows when it opens; the socket brings them, so that first and later entries come one way.
_SHOWN_AT_FIRST = 200


@never_cache
@login_required
@require_safe
def live(request: HttpRequest, account_id: UUID) -> HttpResponse:
    try:
        member = membership(caller(request), account_id)
    except Missing as error:
        raise Http404 from error
    account, role = member.account, member.role.role_name
    waiting = waiting_by_destination(account)
    destinations = destinations_of(account)
    context = {
        "account": account,
        "accounts": accounts_of(member.user),
        "role": role,
        "may_manage": may(role, Right.MANAGE_DESTINATIONS),
        "destinations": [_card(destination, waiting.get(destination.pk, 0)) for destination in destinations],
        "ingest_url": f"{settings.PUBLIC_URL}/server/incoming_data",
        "live": {
            "socket": f"/ws/accounts/{account.pk}/logs/",
            "after": max(0, newest([account.pk])[account.pk] - _SHOWN_AT_FIRST),
            "epoch": epoch(),
            "destinations": [
                {"id": str(row.pk), "name": row.name, "host": row.host, "state": row.state} for row in destinations
            ],
        },
    }
    return render(request, "deliveries/live.html", context)


def _card(destination: Destination, waiting: int) -> dict[str, object]:
    shown = ("id", "name", "url", "host", "http_method", "state", "state_reason")
    return {name: getattr(destination, name) for name in shown} | {"waiting": waiting}
