"""How an account or a destination fares, at a glance: numbers, their course, the ledger, and who is not well.

All of it comes from tallies, flows and one probe of an index for each destination; no log is counted.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.db.models import F, Max, OuterRef, Q, Subquery, Sum

from apps.deliveries.models import Delivery
from apps.deliveries.selectors import database_now
from apps.deliveries.words import headline
from apps.destinations.models import Destination, Gate
from apps.logs.models import EVENTS, KINDS, Flow, Log, Slip, Status
from apps.logs.selectors import Tries, newest_spans, tallied, tries_of

# name -> seconds of a step, and how many steps: of minutes and hours there are sums.
SPANS: Mapping[str, tuple[int, int]] = {"15m": (60, 15), "day": (3600, 24), "week": (3600, 168)}
# Waiting deliveries of a destination among which the oldest is looked for.
_OLDEST_AMONG = 1000
# Seconds, at least, by which the events of a step are divided that has only begun.
_BEGUN_S = 10
# How far back the last delivered one is looked for.
_WEEK = timedelta(days=7)
# So far back it is told to the minute: the hour alone said "46 min ago" of what had arrived just now.
_BY_MINUTE = timedelta(hours=2)


@dataclass(frozen=True, slots=True)
class Step:
    """A minute or an hour. Of an account `accepted` are events, else deliveries."""

    start: datetime
    seconds: float
    """What has passed of it."""
    accepted: int
    tries: Tries
    waiting: int
    """At its end."""

    @property
    def accepted_per_s(self) -> float:
        return round(self.accepted / max(self.seconds, _BEGUN_S), 3)

    @property
    def percent(self) -> float | None:
        rate = self.tries.success_rate
        return None if rate is None else round(rate * 100, 1)


@dataclass(frozen=True, slots=True)
class Ledger:
    """In deliveries, of all time."""

    accepted: int = 0
    delivered: int = 0
    failed: int = 0
    cancelled: int = 0

    @property
    def waiting(self) -> int:
        return self.accepted - self.delivered - self.failed - self.cancelled


@dataclass(frozen=True, slots=True)
class Health:
    """`state`: healthy, failing, breaker (it failed again and again: only probes go), paused, disabled, idle."""

    destination: Destination
    state: str
    ledger: Ledger
    newest: Log | None = None
    """Where it fails: the try that did."""
    delivered_until: datetime | None = None
    """Where it fails: the minute or hour in which something was last delivered, of the last week."""
    next_probe_at: datetime | None = None
    """Where its breaker is open; null while the probe is under way."""


@dataclass(frozen=True, slots=True)
class Glance:
    span: str
    step_s: int
    now: datetime
    steps: Sequence[Step]
    tries: Tries
    """Of all steps."""
    ledger: Ledger
    oldest_waiting: datetime | None
    booked_until: datetime
    """What was accepted and ended before is counted: now, but where no worker runs."""

    @property
    def newest_first(self) -> Sequence[Step]:
        return self.steps[::-1]


def glance(account_id: UUID, span: str, destination_id: UUID | None = None) -> Glance:
    """Of all destinations, or of one. Six queries."""
    step_s, number = SPANS[span]
    now = database_now()
    starts = newest_spans(now, step_s, number)
    ledger = _ledger(account_id, destination_id)
    counts = tallied(account_id, step_s, starts[0], destination_id)
    moved = _moved(account_id, step_s, starts[0], destination_id)
    steps, waiting = list[Step](), ledger.waiting
    for start in reversed(starts):
        accepted, change = moved.get(start, (0, 0))
        seconds = min(step_s, (now - start).total_seconds())
        steps.append(Step(start, seconds, accepted, tries_of(counts.get(start, {})), waiting))
        waiting -= change
    until = Slip.objects.order_by("id").values_list("at", flat=True).first() or now
    every = tries_of(sum(counts.values(), Counter()))
    return Glance(span, step_s, now, steps[::-1], every, ledger, _oldest(account_id, destination_id), until)


_DELIVERIES = ~Q(destination=EVENTS)


def _ledger(account_id: UUID, destination_id: UUID | None) -> Ledger:
    own = Q(destination=destination_id) if destination_id else _DELIVERIES
    sums = Flow.objects.filter(own, account=account_id, span_s=0).aggregate(**{f"all_{kind}": Sum(kind) for kind in KINDS})
    return Ledger(**{kind: sums[f"all_{kind}"] or 0 for kind in KINDS})


def _moved(account_id: UUID, step_s: int, since: datetime, destination_id: UUID | None) -> dict[datetime, tuple[int, int]]:
    """Start -> how many were accepted, and by how many more wait."""
    rows = Flow.objects.filter(account=account_id, span_s=step_s, start__gte=since)
    if destination_id:
        rows = rows.filter(destination=destination_id)
    shown = _DELIVERIES if destination_id else Q(destination=EVENTS)
    sums = rows.values_list("start").annotate(
        shown=Sum("accepted", filter=shown, default=0),
        began=Sum("accepted", filter=_DELIVERIES, default=0),
        ended=Sum(F("delivered") + F("failed") + F("cancelled")),
    )
    return {start: (accepted, began - ended) for start, accepted, began, ended in sums.order_by()}


def _oldest(account_id: UUID, destination_id: UUID | None) -> datetime | None:
    """When the longest waiting delivery was accepted. Of a destination's: among the 1,000 that come next."""
    waiting = Delivery.objects.filter(status=Delivery.Status.PENDING)
    if destination_id is None:
        return waiting.filter(account=account_id).order_by("created_at").values_list("created_at", flat=True).first()
    first = waiting.filter(destination=destination_id).order_by("queue", "next_attempt_at", "id")
    return min(first.values_list("created_at", flat=True)[:_OLDEST_AMONG], default=None)


def health_of(account_id: UUID, destinations: Sequence[Destination]) -> list[Health]:
    """Of each of these destinations of the account. Three queries."""
    own = Q(account=account_id, destination__in=[each.pk for each in destinations])
    ledgers = {
        flow.destination_id: Ledger(*(getattr(flow, kind) for kind in KINDS)) for flow in Flow.objects.filter(own, span_s=0)
    }
    newest = _newest(account_id, destinations)
    failing = [pk for pk, log in newest.items() if log.status == Status.FAILED]
    now = database_now()
    recent = Q(span_s=60, start__gte=now - _BY_MINUTE) | Q(span_s=3600, start__gte=now - _WEEK)
    good = Flow.objects.filter(own, recent, destination__in=failing, delivered__gt=0)
    until: dict[UUID, datetime] = dict(good.values_list("destination_id").annotate(Max("start")).order_by())
    return [_health(each, newest.get(each.pk), ledgers.get(each.pk, Ledger()), until.get(each.pk)) for each in destinations]


def _newest(account_id: UUID, destinations: Sequence[Destination]) -> dict[UUID, Log]:
    """destination -> its newest log."""
    tries = Log.objects.filter(account=account_id, destination=OuterRef("pk")).order_by("-cursor").values("pk")[:1]
    rows = Destination.objects.filter(pk__in=[each.pk for each in destinations]).order_by()
    ids = [pk for pk in rows.annotate(newest=Subquery(tries)).values_list("newest", flat=True) if pk]
    shown = ("destination_id", "status", "error", "response_status", "processed_timestamp", "event_id", "delivery_id")
    return {log.destination_id: log for log in Log.objects.filter(pk__in=ids).only(*shown)}


def _health(destination: Destination, newest: Log | None, ledger: Ledger, until: datetime | None) -> Health:
    if destination.state != Destination.State.ACTIVE:
        return Health(destination, destination.state, ledger)
    if destination.breaker.breaker != Gate.Breaker.CLOSED:
        return Health(destination, "breaker", ledger, newest, until, destination.breaker.probe_at)
    if newest is None:
        return Health(destination, "idle", ledger)
    if newest.status == Status.SUCCESS:
        return Health(destination, "healthy", ledger)
    return Health(destination, "failing", ledger, newest, until)


def reason_of(health: Health) -> str:
    """Why it is not well, in words: what its newest try met, or why it was closed. Empty: no reason is known."""
    if health.state == "breaker":
        return headline(health.destination.breaker.error, health.destination.breaker.response_status)
    if health.newest is not None:
        return headline(health.newest.error, health.newest.response_status)
    return health.destination.state_reason
