"""The pages of bulk replays: what would be sent again and how much it is, those that run and have run, and one of them."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

from django.conf import settings
from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render

from apps.accounts.models import Member
from apps.accounts.policies import Right, authorise
from apps.accounts.selectors import frame, membership
from apps.common.errors import Conflict
from apps.common.pages import action, form, page
from apps.deliveries import replays, selectors
from apps.deliveries.api import shelves
from apps.deliveries.api.filters import REASONS, BulkFilters
from apps.deliveries.jobs import Replay
from apps.deliveries.models import Delivery
from apps.deliveries.replays import Wanted
from apps.destinations.selectors import names_of
from apps.users.selectors import caller

# state -> look
_LOOKS = {Replay.State.RUNNING: "warn", Replay.State.PAUSED: "mute", Replay.State.DONE: "ok", Replay.State.CANCELLED: "mute"}

# The fields of _which.html and _when.html.
SHOWN = ("status", "reason", "destination_id", "created_at_after", "created_at_before")


def choices(member: Member) -> dict[str, Any]:
    """What the selects of a filter of deliveries offer."""
    return {
        "destinations": [(str(pk), name) for pk, name in names_of(member.account)],
        "statuses": Delivery.Status.values,
        "reasons": [(reason, reason.replace("_", " ")) for reason in REASONS],
    }


@page
def listed(request: HttpRequest, account_id: UUID) -> HttpResponse:
    """The account's bulk replays, newest first."""
    member = membership(caller(request), account_id)
    shelf = shelves.replays(request, account_id)
    context = {
        "elsewhere": shelf.elsewhere(),
        "shelf": shelf,
        "jobs": [(job, _LOOKS[Replay.State(job.state)]) for job in shelf.rows],
    }
    return render(request, "deliveries/replays.html", frame(member, "deliveries") | context, status=shelf.status)


@form
def new(request: HttpRequest, account_id: UUID) -> HttpResponse:
    """Counts what the filter in the address means; a post begins to send it again."""
    member = membership(caller(request), account_id)
    authorise(member.role.role_name, Right.SEND_AGAIN)
    if request.method != "POST":
        return _counted(request, member, request.GET)
    wanted, errors = _wanted(request.POST)
    if wanted is None:
        return _offered(request, member, request.POST, 400, errors=errors)
    try:
        job = replays.start(by=member, wanted=wanted)
    except ValidationError as error:
        return _offered(request, member, request.POST, 400, errors=error.message_dict)
    except Conflict:
        return _offered(request, member, request.POST, 409, refused=True)
    return redirect("replay", account_id, job.pk)


def _counted(request: HttpRequest, member: Member, given: QueryDict) -> HttpResponse:
    wanted, errors = _wanted(given)
    if wanted is None:
        return _offered(request, member, given, 400, errors=errors)
    if wanted == Wanted(rate=wanted.rate):
        return _offered(request, member, given)
    try:
        job = replays.plan(by=member, wanted=wanted)
    except ValidationError as error:
        return _offered(request, member, given, 400, errors=error.message_dict)
    return _offered(request, member, given, job=job, left=_left(job))


def _wanted(given: QueryDict) -> tuple[Wanted | None, dict[str, list[str]]]:
    """The filter, by the rules of the list of deliveries; None and what is wrong with it."""
    chosen = BulkFilters(given, queryset=Delivery.objects.none())
    if not chosen.is_valid():
        return None, {name: [str(each) for each in found] for name, found in chosen.errors.items()}
    return Wanted(**chosen.form.cleaned_data), {}


def _offered(request: HttpRequest, member: Member, given: QueryDict, status: int = 200, **more: Any) -> HttpResponse:
    context = frame(member, "deliveries") | choices(member) | {"given": given, "rate_max": settings.REPLAY_RATE} | more
    return render(request, "deliveries/replay_new.html", context, status=status)


def _left(job: Replay) -> str:
    """How long what is left takes at the job's rate, at most."""
    minutes, seconds = divmod(-(-max(0, job.total - job.handled) // job.rate), 60)
    if minutes < 60:
        return f"{minutes} min {seconds} s" if minutes else f"{seconds} s"
    return f"{minutes // 60} h {minutes % 60} min"


@page
def replay(request: HttpRequest, account_id: UUID, replay_id: UUID) -> HttpResponse:
    """One of them: how far it has come."""
    return _shown(request, membership(caller(request), account_id), replay_id)


def _shown(request: HttpRequest, member: Member, replay_id: UUID, status: int = 200, **more: Any) -> HttpResponse:
    job = selectors.replay_among([member.account_id], replay_id)
    context = {"job": job, "look": _LOOKS[Replay.State(job.state)], "left": _left(job), "left_out": job.busy + job.needless}
    return render(request, "deliveries/replay.html", frame(member, "deliveries") | context | more, status=status)


@action("replay", "account_id", "replay_id")
def pause(request: HttpRequest, account_id: UUID, replay_id: UUID) -> HttpResponse:
    return _done(request, account_id, replay_id, replays.pause, "Paused. What it has made goes on.")


@action("replay", "account_id", "replay_id")
def resume(request: HttpRequest, account_id: UUID, replay_id: UUID) -> HttpResponse:
    return _done(request, account_id, replay_id, replays.resume, "It goes on where it stood.")


@action("replay", "account_id", "replay_id")
def cancel(request: HttpRequest, account_id: UUID, replay_id: UUID) -> HttpResponse:
    said = "Cancelled. A try that is in the air may still arrive."
    return _done(request, account_id, replay_id, replays.cancel, said)


def _done(request: HttpRequest, account_id: UUID, replay_id: UUID, act: Callable[..., None], said: str) -> HttpResponse:
    member = membership(caller(request), account_id)
    job = selectors.replay_among([account_id], replay_id)
    try:
        act(job=job, by=member)
    except Conflict as error:
        return _shown(request, member, replay_id, 409, refused=str(error))
    messages.success(request, said)
    return redirect("replay", account_id, replay_id)
