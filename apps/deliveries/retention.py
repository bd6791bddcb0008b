"""Removes what is older than its days, the oldest first, in transactions of at most 1,000 rows that wait for nobody.

What is not ended yet stays: an event goes with the last of its deliveries, a delivery when no other of its event is open, and
with its logs. A round walks once through all that is old enough; what it leaves out, the next one meets again.
"""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import Exists, OuterRef, QuerySet
from django.db.models.functions import Now

from apps.accounts.models import Account
from apps.common.batches import BATCH, delete_some
from apps.common.ids import first_at
from apps.common.rows import Reading
from apps.deliveries import ledger
from apps.deliveries.gates import wake
from apps.deliveries.jobs import Replay
from apps.deliveries.models import Delivery
from apps.deliveries.selectors import database_now
from apps.destinations.models import Destination
from apps.events import services as events
from apps.events.models import Event
from apps.logs import services as logs
from apps.logs.models import Log

# Days that sums by the minute are kept: they are shown for 15 minutes.
_MINUTES_KEPT = timedelta(days=2)
# Deliveries of one transaction, or their logs: an event may have a thousand.
_ROWS = BATCH
# Accounts whose sums are looked at in one transaction: a probe of an index each.
_ACCOUNTS = 100


class Step(NamedTuple):
    rows: int
    """That are gone, or ended."""
    more: bool
    """Whether the round goes on."""


class _Round:
    """Where this process's round goes on. Who starts anew begins anew: nothing depends on it."""

    def __init__(self) -> None:
        self.after = UUID(int=0)

    def on(self, to: UUID) -> None:
        self.after = to

    def over(self) -> Step:
        self.after = UUID(int=0)
        return Step(0, more=False)


_holding, _events, _logs, _sums = (_Round() for _ in range(4))


def _end_of(days: int) -> datetime:
    return database_now() - timedelta(days=days)


@transaction.atomic
def expire_held() -> Step:
    """Ends as `failed`, `expired` what a paused or disabled destination has held for EVENT_RETENTION_DAYS."""
    before = _end_of(settings.EVENT_RETENTION_DAYS)
    old = Delivery.objects.filter(pk__gt=_holding.after, pk__lt=first_at(before)).order_by("pk")
    rows = list(old.values_list("pk", "status", "queue")[:BATCH])
    if not rows:
        return _holding.over()
    places = Delivery.Status.PENDING, Delivery.Queue.HELD
    held = Delivery.objects.filter(pk__in=[pk for pk, *place in rows if tuple(place) == places], created_at__lt=before)
    closed = held.filter(status=places[0], queue=places[1]).exclude(destination__state=Destination.State.ACTIVE)
    locked = closed.order_by("pk").select_for_update(no_key=True, skip_locked=True, of=("self",))
    found: dict[UUID, UUID] = dict(locked.values_list("pk", "destination_id"))
    if found:
        ledger.ended_rows(list(found), Delivery.Status.FAILED)
        ended = {"status": Delivery.Status.FAILED, "reason": "expired", "next_attempt_at": None, "updated_at": Now()}
        Delivery.objects.filter(pk__in=found).update(**ended)
        wake(found.values())
    _holding.on(rows[-1][0])
    return Step(len(found), more=True)


def _old_events() -> QuerySet[Event]:
    before = _end_of(settings.EVENT_RETENTION_DAYS)
    return Event.objects.filter(pk__lt=first_at(before), received_timestamp__lt=before)


_open = Reading(lambda of: Delivery.objects.open().filter(event__among=of).values_list("event_id"))
_ended = Reading(
    lambda of: (
        Delivery.objects.filter(event__among=of, status__in=["success", "failed", "cancelled"])
        .order_by("pk")
        .select_for_update(no_key=True, skip_locked=True)
        .values_list("pk", "account_id", "destination_id", "status")[:_ROWS]
    )
)
_logs_of = Reading(
    lambda of: (
        Log.objects.filter(delivery_id__among=of)
        .order_by("pk")
        .select_for_update(no_key=True, skip_locked=True)
        .values_list("pk", "account_id", "cursor")[:_ROWS]
    )
)
_referred_to = (
    Reading(lambda of: Delivery.objects.filter(event__among=of).values_list("event_id")),
    Reading(lambda of: Log.objects.filter(event__among=of).values_list("event_id")),
)


@transaction.atomic
def remove_events() -> Step:
    """Removes events that are older than EVENT_RETENTION_DAYS, with their deliveries and logs, but for what is not ended."""
    old = _old_events().filter(pk__gt=_events.after).order_by("pk")
    ids = list(old.values_list("pk", flat=True)[:BATCH])
    if not ids:
        return _events.over()
    kept = {event for (event,) in _open(ids)}
    ended = [pk for pk in ids if pk not in kept]
    if rows := _remove_deliveries(ended):
        return Step(rows, more=True)
    for reading in _referred_to:  # somebody held it, or has written to it just now: the next round's
        kept |= {event for (event,) in reading(ended)}
    gone = [pk for pk in ended if pk not in kept]
    events.remove_events(event_ids=gone)
    _events.on(ids[-1])
    return Step(len(gone), more=True)


def _remove_deliveries(of: Sequence[UUID]) -> int:
    """A delivery's logs go before it does, both while it is held: a late result that comes now waits, and finds nothing."""
    rows = _ended(of)
    ids = [row[0] for row in rows]
    if found := _logs_of(ids):
        logs.remove_logs(logs=[(pk, account, cursor) for pk, account, cursor in found])
        return len(found)
    if ids:
        ledger.removed((account, destination, status) for _, account, destination, status in rows)
        Delivery.objects.filter(pk__in=ids).only("pk").delete()
    return len(ids)


def _old_logs() -> QuerySet[Log]:
    before = _end_of(settings.LOG_RETENTION_DAYS)
    return Log.objects.filter(pk__lt=first_at(before), processed_timestamp__lt=before)


@transaction.atomic
def remove_logs() -> Step:
    """Removes logs that are older than LOG_RETENTION_DAYS, but for those of what is not ended."""
    old = _old_logs().filter(pk__gt=_logs.after).order_by("pk").select_for_update(no_key=True, skip_locked=True)
    rows = list(old.values_list("pk", "account_id", "cursor", "delivery_id")[:BATCH])
    if not rows:
        return _logs.over()
    still = Delivery.objects.open().filter(pk__in={row[3] for row in rows})
    kept = set(still.values_list("pk", flat=True))
    gone = [(pk, account, cursor) for pk, account, cursor, delivery in rows if delivery not in kept]
    logs.remove_logs(logs=gone)
    _logs.on(rows[-1][0])
    return Step(len(gone), more=True)


def remove_sums() -> Step:
    """Removes tallies and flows of spans whose logs are gone."""
    accounts = Account.objects.filter(pk__gt=_sums.after).order_by("pk")
    ids = list(accounts.values_list("pk", flat=True)[:_ACCOUNTS])
    if not ids:
        return _sums.over()
    before = _end_of(settings.LOG_RETENTION_DAYS)
    done = logs.remove_sums(account_ids=ids, before=before, minutes_before=database_now() - _MINUTES_KEPT)
    if not done:
        _sums.on(ids[-1])
    return Step(done, more=True)


def remove_replays() -> Step:
    """Removes bulk replays that ended EVENT_RETENTION_DAYS ago and of which nothing is left."""
    limit = Now() - timedelta(days=settings.EVENT_RETENTION_DAYS)
    made = Delivery.objects.filter(job=OuterRef("pk"))
    done = delete_some(Replay.objects.filter(~Exists(made), finished_at__lt=limit, clearing=False))
    return Step(done, more=done >= BATCH)


# In this order: what has expired may go with its event, in the same run.
RETENTION: dict[str, Callable[[], Step]] = {
    "held deliveries that expired": expire_held,
    "logs": remove_logs,
    "events, with their deliveries and logs": remove_events,
    "sums": remove_sums,
    "ended replays": remove_replays,
}


def would_remove() -> dict[str, int]:
    """What is old enough and ended -> how many."""
    still = Delivery.objects.open()
    return {
        "logs": _old_logs().filter(~Exists(still.filter(pk=OuterRef("delivery_id")))).count(),
        "events": _old_events().filter(~Exists(still.filter(event=OuterRef("pk")))).count(),
    }
