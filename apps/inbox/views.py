"""Where requests come in, and the page that shows them."""

from uuid import UUID

from django.contrib import messages
from django.core.exceptions import RequestDataTooBig, ValidationError
from django.http import HttpRequest, HttpResponse
from django.http.request import UnreadablePostError
from django.shortcuts import redirect, render
from django.views.decorators.csrf import csrf_exempt

from apps.accounts.selectors import frame, membership
from apps.common.errors import LimitReached, Missing, TooMany
from apps.common.pages import action, page
from apps.deliveries.selectors import may_dial_inboxes
from apps.inbox import selectors, services
from apps.users.selectors import caller

_METHODS = {"GET", "POST", "PUT", "PATCH"}


@csrf_exempt
def receive(request: HttpRequest, key: str) -> HttpResponse:
    """An empty answer: 204, and 404 for all that is not signed for the inbox."""
    headers = {name.lower(): value for name, value in request.headers.items()}
    try:
        body = request.body
        if request.method in _METHODS:
            came = services.Came(str(request.method), request.META.get("QUERY_STRING", ""), headers, body)
            services.receive(key=key, came=came)
            return HttpResponse(status=204)
    except services.TooBig:
        return HttpResponse(status=413)
    except TooMany:
        return HttpResponse(status=429, headers={"Retry-After": "1"})
    except (Missing, RequestDataTooBig, UnreadablePostError):
        pass
    return HttpResponse(status=404)


@action("live", "account_id")
def create(request: HttpRequest, account_id: UUID) -> HttpResponse:
    """An inbox and a destination to it."""
    member = membership(caller(request), account_id)
    try:
        services.open_inbox(by=member)
    except (LimitReached, ValidationError) as error:
        messages.error(request, f"There is no new test receiver. {_why(error)}")
    else:
        messages.success(request, "The test receiver is there: every event goes to it from now on.")
    return redirect("live", account_id)


def _why(error: LimitReached | ValidationError) -> str:
    return " ".join(error.messages) if isinstance(error, ValidationError) else str(error)


@page
def shown(request: HttpRequest, account_id: UUID, key: str) -> HttpResponse:
    """What came, the newest first."""
    member = membership(caller(request), account_id)
    inbox = selectors.inbox_of(member.account, key)
    context = frame(member, "destinations") | {
        "inbox": inbox,
        "received": selectors.received_by(inbox),
        "leading": selectors.leading_to(inbox),
        "reachable": may_dial_inboxes(),
    }
    return render(request, "inbox/inbox.html", context)
