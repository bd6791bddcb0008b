"""Every write to logs, to the tallies of them, and to the flows of deliveries."""

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from functools import partial
from operator import itemgetter
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import connection, transaction
from django.db.models import F, Q
from django.db.models.functions import Coalesce

from apps.accounts import services as accounts
from apps.accounts.models import Account
from apps.common.batches import BATCH, delete_some
from apps.common.ids import uuid7
from apps.common.rows import Reading, add, columns_of, insert, run, update
from apps.destinations.services import note_tries
from apps.logs.models import (
    ALL_REMOVED,
    ALL_TIME,
    KINDS,
    REMOVED,
    Flow,
    Forgotten,
    Log,
    LogCounter,
    NewLog,
    Slip,
    Status,
    Tallied,
    Tally,
)
from apps.logs.selectors import above, below
from apps.logs.tally import EPOCH, SPANS_S, Counted, class_of, columns_of_kind, lines_of, packed, start_of_span, unpacked

# Accounts and logs of one transaction: some 50 ms. On SQLite each account is a part of one condition, and all that write wait.
_ACCOUNTS_AT_ONCE = {"postgresql": 500, "sqlite": 50}
_LOGS_AT_ONCE = {"postgresql": 2000, "sqlite": 500}
# Slips and their lines of one transaction.
SLIPS_AT_ONCE = 200
_LINES_AT_ONCE = {"postgresql": 20_000, "sqlite": 1000}
_FLOW_SPANS_S = (ALL_TIME, 60, 3600)
# Of pg_try_advisory_xact_lock: a number that nothing else here uses.
_BOOKING = 0x1ED6E2

# Errors that say nothing about the receiver.
_NOT_THEIRS = {"internal", "url_too_long"}

# account, minute, destination, status, class of latency
_Key = tuple[UUID, datetime, UUID, str, int]
# account, span, start, destination
_Place = tuple[UUID, int, datetime, UUID]


_counters = Reading(
    lambda account_ids: (
        LogCounter.objects.filter(account__among=account_ids)
        .order_by("account_id")
        .select_for_update(no_key=True)
        .values_list("account_id", "value")
    )
)


# Accounts that have a counter, for good: it goes with the account. What is not here is looked up.
_counted: set[UUID] = set()
_COUNTED_MAX = 100_000


def ask_counters(*, account_ids: set[UUID]) -> Callable[[], dict[UUID, int]]:
    """The same as `lock_counters`, whose answer is waited for when it is called for."""
    if account_ids <= _counted:
        answer = _counters.ask(account_ids)
        return lambda: dict(answer())
    counters = lock_counters(account_ids=account_ids)
    if len(_counted) > _COUNTED_MAX:
        _counted.clear()
    transaction.on_commit(partial(_counted.update, counters))
    return lambda: counters


def lock_counters(*, account_ids: set[UUID]) -> dict[UUID, int]:
    """account id -> its newest cursor. Made where they are missing, locked in the order of their ids until the transaction
    ends.

    An account that was purged has none.
    """
    counters = dict(_counters(account_ids))
    if missing := sorted(account_ids - counters.keys()):
        known = Account.objects.filter(pk__in=missing).order_by("pk").values_list("pk", flat=True)
        LogCounter.objects.bulk_create([LogCounter(account_id=pk) for pk in known], ignore_conflicts=True)
        counters = dict(_counters(account_ids))
    return counters


_COLUMNS_OF_LOGS = [field.attname for field in Log._meta.concrete_fields]


def append(*, logs: Sequence[NewLog], counters: dict[UUID, int]) -> None:
    """Gives the logs the next cursors of their accounts, in the given order, and stores them. The counters are locked."""
    for log in logs:
        counters[log.account_id] += 1
        log.cursor = counters[log.account_id]
    if logs:
        insert(Log, columns_of(logs, _COLUMNS_OF_LOGS))
        changed = sorted({log.account_id for log in logs})
        update(LogCounter, {"account": changed, "value": [counters[account_id] for account_id in changed]})


def recorded(*, log_ids: Sequence[UUID]) -> set[UUID]:
    """Which of these stand in the table: asked before a batch of unknown commit is repeated."""
    return set(Log.objects.filter(pk__in=log_ids).values_list("pk", flat=True))


@transaction.atomic
def roll_up(*, at_least: int = 1) -> int:
    """Tallies logs that are not tallied yet, of accounts with so many of them. Returns how many it took: 0 when none is left,
    or others are at the rest.

    Several may run at once: an account's mark is locked by who tallies it, and moves with the tallies, in one transaction.
    """
    mark = Coalesce("account__tallied__cursor", 0)
    behind = LogCounter.objects.annotate(mark=mark).filter(value__gte=F("mark") + at_least).order_by("account_id")
    newest = dict(behind.values_list("account_id", "value")[: _ACCOUNTS_AT_ONCE[connection.vendor]])
    Tallied.objects.bulk_create([Tallied(account_id=pk) for pk in newest], ignore_conflicts=True)
    marks = _marks(newest)
    if not marks:
        return 0
    share = max(1, _LOGS_AT_ONCE[connection.vendor] // len(marks))
    parts = [(pk, mark, max(mark, min(mark + share, newest[pk]))) for pk, mark in marks]
    logs = _between(parts)
    _add(
        Counter(
            (account, processed.replace(second=0, microsecond=0), destination, status, class_of(latency_ms))
            for account, processed, destination, status, latency_ms, _ in logs
        )
    )
    note_tries((to, status == Status.SUCCESS, at) for _, at, to, status, _, error in logs if error not in _NOT_THEIRS)
    update(Tallied, {"account": [pk for pk, _, _ in parts], "cursor": [until for _, _, until in parts]})
    return sum(until - mark for _, mark, until in parts)


_marks = Reading(
    lambda account_ids: (
        Tallied.objects.filter(account__among=account_ids)
        .order_by("account_id")
        .select_for_update(no_key=True, skip_locked=True)
        .values_list("account_id", "cursor")
    )
)
_BETWEEN = """
SELECT log.account_id, log.processed_timestamp, log.destination_id, log.status, log.latency_ms, log.error
FROM unnest(%b::uuid[], %b::bigint[], %b::bigint[]) AS part(account_id, mark, until)
JOIN logs_log AS log ON log.account_id = part.account_id AND log.cursor > part.mark AND log.cursor <= part.until
ORDER BY log.cursor
"""


def _between(parts: Sequence[tuple[UUID, int, int]]) -> Sequence[tuple[Any, ...]]:
    """The logs behind each account's mark, in its order. What is up to its newest cursor is committed, all of it."""
    if connection.vendor == "postgresql":
        return run(_BETWEEN, [list(column) for column in zip(*parts, strict=True)])
    which = Q(pk=None)
    for account_id, mark, until in parts:
        which |= Q(account=account_id, cursor__gt=mark, cursor__lte=until)
    columns = ("account_id", "processed_timestamp", "destination_id", "status", "latency_ms", "error")
    return list(Log.objects.filter(which).order_by("cursor").values_list(*columns))


def _add(counts: Counter[_Key]) -> None:
    """Each to its minute, its hour and its day. In order: two that tally never wait for each other in a circle."""
    spans = Counter[tuple[UUID, int, datetime, UUID, str, int]]()
    for (account, minute, destination, status, latency), count in counts.items():
        for span in SPANS_S:
            spans[account, span, start_of_span(minute, span), destination, status, latency] += count
    if spans:
        *keys, numbers = zip(*((*key, count) for key, count in sorted(spans.items())), strict=True)
        add(Tally, dict(zip(_COLUMNS, keys, strict=True)) | {"count": numbers}, ["count"])


_COLUMNS = ("account", "span_s", "start", "destination", "status", "latency_class")


def note(*, counts: Counted) -> None:
    """Leaves a slip for deliveries that began or ended. Part of the transaction that writes these; locks nothing."""
    if lines := {key: count for key, count in counts.items() if count > 0}:
        insert(Slip, {"lines": [packed(lines)]})


@transaction.atomic
def book() -> int:
    """Adds slips to the flows, oldest first. Returns how many; SLIPS_AT_ONCE when more are left.

    By one process at a time, so that all that is booked is a state that was: a slip that ends a delivery has a higher id than
    the one that began it, since whoever ends it has seen it committed.
    """
    if not _alone():
        return 0
    slips = list(Slip.objects.order_by("id")[:SLIPS_AT_ONCE])
    booked, lines, by_minute = list[int](), 0, defaultdict[datetime, list[bytes]](list)
    for slip in slips:
        content = bytes(slip.lines)
        lines += lines_of(content)
        if booked and lines > _LINES_AT_ONCE[connection.vendor]:
            break
        booked.append(slip.pk)
        by_minute[start_of_span(slip.at, 60)].append(content)
    flows = defaultdict[_Place, Counter[str]](Counter)
    for minute, some in by_minute.items():
        starts = [(span, start_of_span(minute, span) if span else EPOCH) for span in _FLOW_SPANS_S]
        for (account, destination, name), count in unpacked(some).items():
            for span, start in [(ALL_REMOVED, EPOCH)] if name in REMOVED else starts:
                for kind in columns_of_kind(name):
                    flows[account, span, start, destination][kind] += count
    _add_flows(flows)
    Slip.objects.filter(pk__in=booked).delete()
    return len(booked) if len(booked) == len(slips) else SLIPS_AT_ONCE


def _alone() -> bool:
    """Until the transaction ends. On SQLite whoever writes is alone."""
    if connection.vendor != "postgresql":
        return True
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [_BOOKING])
        return bool(cursor.fetchone()[0])


def _add_flows(flows: Mapping[_Place, Counter[str]]) -> None:
    """What was purged meanwhile is left out."""
    there = set(Account.objects.filter(pk__in={place[0] for place in flows}).values_list("pk", flat=True))
    places = sorted(place for place in flows if place[0] in there)
    if places:
        keys = dict(zip(("account", "span_s", "start", "destination"), zip(*places, strict=True), strict=True))
        counts = {kind: [flows[place][kind] for place in places] for kind in KINDS}
        add(Flow, {"id": [uuid7() for _ in places], **keys, **counts}, KINDS)
        accounts.mark_full(account_ids=above(settings.MAX_WAITING_PER_ACCOUNT, there))


# Once full, an account takes nothing until so much of its limit is free: else its senders would come and go.
_ROOM_AGAIN = 0.9


@transaction.atomic
def look_for_room() -> int:
    """Lets accounts post again of which fewer deliveries wait by now, or whose limit was raised. Returns how many."""
    ready = below(int(settings.MAX_WAITING_PER_ACCOUNT * _ROOM_AGAIN), BATCH)
    accounts.clear_full(account_ids=ready)
    return len(ready)


def remove_logs(*, logs: Sequence[tuple[UUID, UUID, int]]) -> None:
    """Removes these for good: id, account, cursor. Part of the caller's transaction, which holds them.

    What is left of the account's logs before the newest of them is no ground to resume from (`selectors.oldest`).
    """
    newest = {account: cursor for _, account, cursor in sorted(logs, key=itemgetter(2))}
    Forgotten.objects.bulk_create([Forgotten(account_id=pk) for pk in sorted(newest)], ignore_conflicts=True)
    marks = Forgotten.objects.filter(pk__in=newest).order_by("pk").select_for_update(no_key=True)
    known = dict(marks.values_list("pk", "cursor"))
    update(Forgotten, {"account": list(known), "cursor": [max(newest[pk], cursor) for pk, cursor in known.items()]})
    Log.objects.filter(pk__in=[pk for pk, _, _ in logs]).delete()


def remove_sums(*, account_ids: Sequence[UUID], before: datetime, minutes_before: datetime) -> int:
    """Removes tallies and hourly flows of spans that began before, and flows of minutes. Returns how many, at most 1,000."""
    tallies, flows = Tally.objects.filter(account__in=account_ids), Flow.objects.filter(account__in=account_ids)
    for old in (
        tallies.filter(span_s__in=SPANS_S, start__lt=before),
        flows.filter(span_s=3600, start__lt=before),
        flows.filter(span_s=60, start__lt=minutes_before),
    ):
        if done := delete_some(old):
            return done
    return 0


def purge_flows(account_id: UUID) -> int:
    """Part of deleting an account for good. Returns how many rows went, at most 1,000."""
    return delete_some(Flow.objects.filter(account=account_id))


def purge_logs(account_id: UUID) -> int:
    """Part of deleting an account for good. Returns how many rows went, at most 1,000."""
    return delete_some(Log.objects.filter(account=account_id))


def purge_tallies(account_id: UUID) -> int:
    """Part of deleting an account for good. Returns how many rows went, at most 1,000."""
    return delete_some(Tally.objects.filter(account=account_id))


def purge_counter(account_id: UUID) -> int:
    """Part of deleting an account for good. Returns how many rows went, at most 1,000."""
    return delete_some(LogCounter.objects.filter(account=account_id))
