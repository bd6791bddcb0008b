"""The pages of events and deliveries, and what a person sets going there: replay and cancel."""

from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django.conf import settings
from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.urls import reverse

from apps.accounts.models import Member
from apps.accounts.policies import Right, authorise
from apps.accounts.selectors import frame, membership
from apps.common.api.pagination import PARAMETERS
from apps.common.errors import Conflict, Missing
from apps.common.jsontext import indented, parse
from apps.common.pages import action, given_id, page
from apps.common.texts import visible
from apps.deliveries import selectors, services
from apps.deliveries.api import shelves
from apps.deliveries.api.filters import BulkFilters
from apps.deliveries.views.replays import SHOWN, choices
from apps.deliveries.views.shown import stories
from apps.deliveries.words import COUNTED, state
from apps.events.models import Event
from apps.events.selectors import events_of
from apps.logs.selectors import newest_tries
from apps.users.selectors import caller

# Bytes of an event that a page shows; more is for a download.
_SHOWN_MAX = 65_536
# All tries that a schedule can have, and some that came late.
_TRIES_MAX = 100


@page
def listed(request: HttpRequest, account_id: UUID) -> HttpResponse:
    """The account's events, searched by their words."""
    member = membership(caller(request), account_id)
    shelf = shelves.events(request, account_id)
    tallies = selectors.tally_of(event.pk for event in shelf.rows)
    context = frame(member, "events") | {
        "shelf": shelf,
        "rows": [
            {"event": event, "head": _line(bytes(event.head)), "states": _states(tallies.get(event.pk, {}))}
            for event in shelf.rows
        ],
        "elsewhere": shelf.elsewhere("search", "received_timestamp_after", "received_timestamp_before"),
        "ingest_url": f"{settings.PUBLIC_URL}/server/incoming_data",
    }
    return render(request, "deliveries/events.html", context, status=shelf.status)


def _line(head: bytes) -> str:
    return visible(" ".join(head.decode("utf-8", "ignore").split()))


def _states(tally: dict[str, int]) -> list[tuple[str, str, int]]:
    """Look, word and number."""
    return [(look, word, tally[status]) for status, (look, word) in COUNTED.items() if status in tally]


@page
def deliveries(request: HttpRequest, account_id: UUID) -> HttpResponse:
    """The account's deliveries, by state, destination and time."""
    member = membership(caller(request), account_id)
    shelf = shelves.deliveries(request, account_id)
    context = frame(member, "deliveries") | {
        "shelf": shelf,
        "rows": [(row, *state(row.status, row.reason, row.waits_for)) for row in shelf.rows],
        "elsewhere": shelf.elsewhere(*SHOWN, "event_id"),
        "replay": _replay_of(request.GET),
    }
    return render(request, "deliveries/deliveries.html", context | choices(member), status=shelf.status)


def _replay_of(given: QueryDict) -> str | None:
    """The same filter for a bulk replay; None when it has parts that a replay does not know."""
    chosen = {name: value for name, value in given.dict().items() if value and name not in PARAMETERS}
    return f"?{urlencode(chosen)}" if chosen.keys() <= BulkFilters.base_filters.keys() else None


def _with_body(member: Member, event: UUID) -> Event:
    found = events_of([member.account_id]).defer(None).filter(pk=event).first()
    if found is None:
        raise Missing("No such event.")
    return found


@page
def event(request: HttpRequest, account_id: UUID, event_id: UUID) -> HttpResponse:
    """What came in, and what became of it at every destination."""
    member = membership(caller(request), account_id)
    return _shown(request, member, _with_body(member, event_id))


def _shown(request: HttpRequest, member: Member, found: Event, status: int = 200, **more: Any) -> HttpResponse:
    told, total = selectors.story_of(found)
    context = (
        frame(member, "events")
        | _data(found)
        | {
            "stories": stories(found, told),
            "total": total,
            "without": selectors.without_delivery(found),
        }
    )
    return render(request, "deliveries/event.html", context | more, status=status)


def _data(found: Event) -> dict[str, Any]:
    body = bytes(found.body)
    whole = len(body) <= _SHOWN_MAX
    raw = visible(body[:_SHOWN_MAX].decode("utf-8", "ignore"))
    return {"event": found, "raw": raw, "pretty": visible(indented(parse(body))) if whole else "", "whole": whole}


@page
def data(request: HttpRequest, account_id: UUID, event_id: UUID) -> HttpResponse:
    """The bytes as they came."""
    found = _with_body(membership(caller(request), account_id), event_id)
    headers = {"Content-Disposition": f'attachment; filename="event-{found.pk}.json"'}
    return HttpResponse(bytes(found.body), content_type="application/json", headers=headers)


@page
def delivery(request: HttpRequest, account_id: UUID, delivery_id: UUID) -> HttpResponse:
    """One delivery with all its tries."""
    member = membership(caller(request), account_id)
    found = selectors.delivery_among([account_id], delivery_id)
    tries = newest_tries(found.event_id, [found.pk], _TRIES_MAX).get(found.pk, [])
    own = _with_body(member, found.event_id)
    context = frame(member, "deliveries") | {"event": own, "story": stories(own, [(found, tries)])[0]}
    return render(request, "deliveries/delivery.html", context)


@action("event", "account_id", "event_id")
def replay(request: HttpRequest, account_id: UUID, event_id: UUID) -> HttpResponse:
    """Sends the event again, to the destination that is named or to all."""
    member = membership(caller(request), account_id)
    found = selectors.event_among([account_id], event_id)
    authorise(member.role.role_name, Right.SEND_AGAIN)
    named = request.POST.get("destination_id", "")
    only = given_id(named)
    if named and only is None:
        raise Missing("No such destination.")
    try:
        made = services.replay(event=found, by=member, destination_id=only)
    except ValidationError as error:
        raise Missing("No such destination.") from error
    except Conflict:
        why = "A try of it is in the air there, or an earlier replay has not ended. Nothing was sent again; wait a little."
        return _shown(request, member, _with_body(member, event_id), 409, refused=named or "all", why=why)
    messages.success(request, f"Sent again to {len(made)} destination{'s' * (len(made) != 1)}.")
    return redirect("event", account_id, event_id)


@action("delivery", "account_id", "delivery_id")
def cancel(request: HttpRequest, account_id: UUID, delivery_id: UUID) -> HttpResponse:
    """Ends a delivery that is not final."""
    member = membership(caller(request), account_id)
    found = selectors.delivery_among([account_id], delivery_id)
    authorise(member.role.role_name, Right.SEND_AGAIN)
    try:
        services.cancel(delivery=found, by=member)
    except Conflict as error:
        own = _with_body(member, found.event_id)
        return _shown(request, member, own, 409, refused=str(found.pk), why=f"There is nothing to cancel. {error}")
    messages.success(request, "Cancelled. A try that is in the air may still arrive.")
    return redirect(f"{reverse('event', args=[account_id, found.event_id])}#d-{found.pk}")
