"""Every read of logs."""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import connection
from django.db.models import F, Prefetch, Q, QuerySet, Sum, Window
from django.db.models.functions import RowNumber

from apps.common.codes import Error
from apps.events.models import Event
from apps.events.selectors import has_words, heads_of, reads, tells
from apps.events.selectors import listed as listed_events
from apps.logs.entries import Entry, as_entry, as_try, instant
from apps.logs.models import (
    ALL_REMOVED,
    ALL_TIME,
    EVENTS,
    KINDS,
    REMOVED,
    Flow,
    Forgotten,
    Log,
    LogCounter,
    Slip,
    Status,
    Tallied,
    Tally,
)
from apps.logs.tally import class_of, columns_of_kind, covering, percentile, start_of_span, unpacked

# fmt: off
__all__ = [
    "CAUSES_IN", "STATUSES", "Cause", "Entry", "Stats", "Tries", "as_entry", "as_try", "causes", "counted", "entries_after",
    "epoch", "found", "instant", "listed", "listed_entry", "logs_of", "matching", "newest", "newest_log", "newest_spans",
    "newest_tries", "oldest", "stats", "tallied", "tries_of", "whole_minutes",
]
# fmt: on

STATUSES = frozenset(Status.values)


def logs_of(account_ids: Iterable[UUID]) -> QuerySet[Log]:
    """The logs of these accounts."""
    return Log.objects.filter(account__in=list(account_ids))


def listed(logs: QuerySet[Log]) -> QuerySet[Log]:
    """With what `listed_entry` needs of the event, never more than 4 KiB of its body.

    Read apart, for the page only: a join would fetch the event of each log that a search finds, to show 50 of them.
    """
    return logs.prefetch_related(Prefetch("event", listed_events(Event.objects.defer("body", "digest"))))


def listed_entry(log: Any) -> Entry:
    """The log object of a row of `listed`."""
    return as_entry(log, log.event.event_id, bytes(log.event.head))


def found(logs: QuerySet[Log], account_id: UUID, text: str) -> list[QuerySet[Log]]:
    """Those whose event, or whose error code, has every word of the text or one that begins with it. In any of these."""
    codes = [code.value for code in Error if reads(code.value, text)]
    has = has_words(account_id, text, "event")
    if has is None:
        return [logs.none()]
    return [logs.filter(has), logs.filter(error__in=codes)] if codes else [logs.filter(has)]


def matching(entries: Sequence[Entry], text: str) -> list[Entry]:
    """Those that `found` finds, judged by what stands in each event, at once: the index of words may trail by seconds.

    One query for each 64 events whose data is over 4 KiB; none where there is none.
    """
    known = [(entry, entry.data, entry.fields()) for entry in entries]
    heads = heads_of(sorted({UUID(own["event"]) for _, data, own in known if data is None}))
    return [
        entry
        for entry, data, own in known
        if reads(own["error"], text)
        or tells(own["event_id"], heads.get(UUID(own["event"]), b"") if data is None else data, text)
    ]


def newest_tries(event: UUID, delivery_ids: Iterable[UUID], each: int) -> dict[UUID, list[Log]]:
    """delivery id -> its `each` newest logs, the newest first. One query."""
    place = Window(RowNumber(), partition_by="delivery_id", order_by="-cursor")
    logs = Log.objects.filter(event=event, delivery_id__in=list(delivery_ids)).annotate(place=place)
    tries: dict[UUID, list[Log]] = {}
    for log in logs.filter(place__lte=each).order_by("-cursor"):
        tries.setdefault(log.delivery_id, []).append(log)
    return tries


# Tries of a destination that its causes are looked for in: 15 ms to read, and some minutes of a busy destination.
CAUSES_IN = 2000


@dataclass(slots=True)
class Cause:
    """Failed tries with one outcome. `newest` is the last of them."""

    error: str
    response_status: int | None
    newest: Log
    count: int = 1


def causes(account_id: UUID, destination_id: UUID) -> tuple[list[Cause], int]:
    """Why the destination's newest tries failed, the commonest first; and how many tries these are. One query."""
    own = Log.objects.filter(account=account_id, destination=destination_id).order_by("-cursor")
    tries = list(own.only("status", "error", "response_status", "processed_timestamp", "event_id", "delivery_id")[:CAUSES_IN])
    found: dict[tuple[str, int | None], Cause] = {}
    for log in tries:
        if log.status == Status.FAILED and (known := found.get((log.error, log.response_status))):
            known.count += 1
        elif log.status == Status.FAILED:
            found[log.error, log.response_status] = Cause(log.error, log.response_status, log)
    return sorted(found.values(), key=lambda cause: -cause.count), len(tries)


def entries_after(account_id: UUID, cursor: int, limit: int) -> list[Entry]:
    """The account's logs with a greater cursor, oldest first, `limit` at most. Two queries."""
    logs = Log.objects.filter(account=account_id, cursor__gt=cursor).order_by("cursor")
    return [listed_entry(log) for log in listed(logs)[:limit]]


def newest(account_ids: Iterable[UUID]) -> dict[UUID, int]:
    """account id -> its newest cursor, 0 where nothing was logged. One query."""
    wanted = list(account_ids)
    found = dict(LogCounter.objects.filter(account__in=wanted).values_list("account_id", "value"))
    return {account_id: found.get(account_id, 0) for account_id in wanted}


def newest_log(account_id: UUID) -> UUID | None:
    """The id of the account's newest log. It says which logs there are, also after a database was put back: a cursor may come
    twice then, an id does not. One query."""
    return Log.objects.filter(account=account_id).order_by("-cursor").values_list("id", flat=True).first()


def oldest(account_id: UUID) -> int:
    """From this cursor on all of the account's logs are kept, and some that are older: those of what is still under way. Where
    none is kept, it is the one that its next log will have. One query."""
    return 1 + (Forgotten.objects.filter(account=account_id).values_list("cursor", flat=True).first() or 0)


# The timeline (the first 8 digits of a WAL file's name) changes with a promotion; a restored dump has a new database oid.
_EPOCH = """
SELECT left(pg_walfile_name(pg_current_wal_lsn()), 8) || '-' || oid FROM pg_database WHERE datname = current_database()
"""


def epoch() -> str:
    """Changes when the database is promoted or restored: a cursor of another epoch says nothing about this one.

    On SQLite it stays the same; a file that was put back is known by its counters, which are then older than the cursors.
    """
    if connection.vendor != "postgresql":
        return connection.vendor
    with connection.cursor() as cursor:
        cursor.execute(_EPOCH)
        return str(cursor.fetchone()[0])


# Logs beyond the tallies that stats read one by one: some 10 ms. More only where nobody tallies.
_TAIL_MAX = 5000


@dataclass(frozen=True, slots=True)
class Stats:
    """Tries of a range of time. `behind`: logs that are in it or not, and not yet counted: 0 unless the worker is away."""

    counts: Mapping[tuple[UUID, str, int], int]
    """(destination, status, class of latency) -> tries"""
    behind: int


def whole_minutes(since: datetime, until: datetime) -> tuple[datetime, datetime]:
    """The range of whole minutes that holds this one, as `stats` takes it."""
    end = until + timedelta(minutes=1, microseconds=-1)
    return since.replace(second=0, microsecond=0), end.replace(second=0, microsecond=0)


def stats(account_id: UUID, start: datetime, end: datetime) -> Stats:
    """The account's tries of the whole minutes from start until end. Five queries; more when tallies were just written."""
    mark, counts = _counted(account_id, start, end)
    for _ in range(2):
        if _tallied(account_id) == mark:
            break
        mark, counts = _counted(account_id, start, end)
    return Stats(counts, max(0, newest([account_id])[account_id] - mark - _TAIL_MAX))


def _counted(account_id: UUID, start: datetime, end: datetime) -> tuple[int, Counter[tuple[UUID, str, int]]]:
    """The mark, and what is tallied up to it with what stands behind it."""
    mark = _tallied(account_id)
    counts = _tallies(account_id, start, end)
    tail = Log.objects.filter(account=account_id, cursor__gt=mark, cursor__lte=mark + _TAIL_MAX)
    rows = tail.filter(processed_timestamp__gte=start, processed_timestamp__lt=end)
    for destination, status, latency_ms in rows.values_list("destination_id", "status", "latency_ms"):
        counts[destination, status, class_of(latency_ms)] += 1
    return mark, counts


def _tallied(account_id: UUID) -> int:
    return Tallied.objects.filter(account=account_id).values_list("cursor", flat=True).first() or 0


def _tallies(account_id: UUID, start: datetime, end: datetime) -> Counter[tuple[UUID, str, int]]:
    which = Q(pk=None)
    for span, since, until in covering(start, end):
        which |= Q(span_s=span, start__gte=since, start__lt=until)
    tallies = Tally.objects.filter(which, account=account_id).values_list("destination_id", "status", "latency_class")
    return Counter({(each[0], each[1], each[2]): each[3] for each in tallies.annotate(tries=Sum("count"))})


@dataclass(frozen=True, slots=True)
class Tries:
    """Tries and how long they took, of a destination or of all."""

    success: int
    failed: int
    latency_ms: dict[str, int | None]

    @property
    def success_rate(self) -> float | None:
        every = self.success + self.failed
        return round(self.success / every, 6) if every else None


def tries_of(counts: Mapping[tuple[UUID, str, int], int], destination_id: UUID | None = None) -> Tries:
    """Those of the destination; without one, of all. `counts`: (destination, status, class of latency) -> tries."""
    by_status, by_latency = Counter[str](), Counter[int]()
    for (destination, status, latency), count in counts.items():
        if destination_id in {None, destination}:
            by_status[status] += count
            by_latency[latency] += count
    latencies = {f"p{percent}": percentile(by_latency, percent) for percent in (50, 95, 99)}
    return Tries(by_status["success"], by_status["failed"], latencies)


def counted(account_ids: Iterable[UUID]) -> Counter[tuple[UUID, UUID, str]]:
    """(account, destination, kind) -> deliveries that were counted, those that are not booked yet too, without those that
    retention has removed. Two queries."""
    accounts, slips = set(account_ids), Slip.objects.order_by("id").values_list("lines", flat=True)
    waiting = unpacked(bytes(lines) for lines in slips.iterator(chunk_size=200))
    found = Counter[tuple[UUID, UUID, str]]()
    for (account, destination, name), count in waiting.items():
        if account in accounts:
            for kind in columns_of_kind(name):
                found[account, destination, kind] += -count if name in REMOVED else count
    for flow in Flow.objects.filter(account__in=accounts, span_s__in=(ALL_TIME, ALL_REMOVED)):
        sign = -1 if flow.span_s == ALL_REMOVED else 1
        found.update({(flow.account_id, flow.destination_id, kind): sign * getattr(flow, kind) for kind in KINDS})
    return found


def flows_of_all_time() -> QuerySet[Flow]:
    """A row for each destination, and one for each account's events."""
    return Flow.objects.filter(span_s=ALL_TIME)


def below(waiting: int, limit: int) -> list[UUID]:
    """Accounts that are full and of which at most so many deliveries wait by now. `limit` of them. One query."""
    return [account for account, _ in _waiting(Q(account__full__isnull=False), Q(still__lte=waiting))[:limit]]


def above(waiting: int, account_ids: Collection[UUID]) -> list[UUID]:
    """Those of the accounts of which more deliveries wait than that, in the order of their ids. One query."""
    return [account for account, _ in _waiting(Q(account__in=account_ids), Q(still__gt=waiting)).order_by("account_id")]


def _waiting(accounts: Q, still: Q) -> QuerySet[Flow, tuple[UUID, int]]:
    flows = Flow.objects.filter(accounts, span_s=ALL_TIME).exclude(destination=EVENTS).order_by()
    ended = F("delivered") + F("failed") + F("cancelled")
    return flows.values_list("account_id").annotate(still=Sum(F("accepted") - ended)).filter(still)


def tallied(
    account_id: UUID, span_s: int, since: datetime, destination_id: UUID | None = None
) -> dict[datetime, Counter[tuple[UUID, str, int]]]:
    """Start of a span -> its tries, as far as they are tallied, for `tries_of`; of one destination or of all. One query."""
    rows = Tally.objects.filter(account=account_id, span_s=span_s, start__gte=since)
    if destination_id:
        rows = rows.filter(destination=destination_id)
    found: dict[datetime, Counter[tuple[UUID, str, int]]] = {}
    sums = rows.values_list("start", "status", "latency_class").annotate(tries=Sum("count"))
    for start, status, latency, count in sums.order_by():
        found.setdefault(start, Counter())[account_id, status, latency] = count
    return found


def newest_spans(now: datetime, span_s: int, number: int) -> list[datetime]:
    """The starts of that many spans, the last of which is under way."""
    return [start_of_span(now, span_s) - timedelta(seconds=span_s) * back for back in reversed(range(number))]
