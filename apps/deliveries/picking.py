"""The one SQL that takes work: a share for each account that has ready work, in turns; what is to be sent is leased with it.

PostgreSQL does all of it in one statement. SQLite, where one process writes, leases in a second one.
"""

# ruff: noqa: S608  (the statement is put together from what stands here)

import json
from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import connection
from django.db.models import F
from django.db.models.functions import Now

from apps.common.rows import array, run
from apps.deliveries.models import SUSPECT_AT, Delivery

# Bytes of bodies in one claim; a larger single body goes alone.
BODIES_MAX = 16 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Picked:
    """A delivery that a claim met, and what becomes of it."""

    id: UUID
    account_id: UUID
    event: UUID
    destination: UUID
    replay_of: UUID | None
    received_timestamp: datetime
    now: datetime
    attempts: int
    timeout_s: int
    destination_version: int
    # "": leased, to be sent; "deleted", "replayed": it ends; "held": its destination is closed, or has not let it through
    verdict: str
    gated: bool  # whether its destination has a gate
    event_id: str
    traceparent: str
    body: bytes | None  # with the first of an event's deliveries only


_UUIDS, _MOMENTS = 5, 2  # the first columns, which SQLite keeps as text

_READY = f"status = 'pending' AND queue = 0 AND lost_leases < {SUSPECT_AT}"
_SUSPECT = f"status = 'pending' AND queue = 0 AND lost_leases >= {SUSPECT_AT}"
_COLUMNS = "id, account_id, event_id, destination_id, replay_of, superseded, attempts, next_attempt_at"


def _accounts(name: str, where: str, most: str) -> str:
    """A loose index scan: one probe for each account, however much it has waiting."""
    found = f"SELECT account_id FROM deliveries_delivery WHERE {_READY} AND {where}"
    return f"""
{name}(account_id, turn) AS (
    SELECT * FROM ({found} ORDER BY account_id LIMIT 1) AS first_one CROSS JOIN (SELECT 1) AS one
    UNION ALL
    SELECT ({found} AND account_id > {name}.account_id ORDER BY account_id LIMIT 1), turn + 1
    FROM {name} WHERE account_id IS NOT NULL AND turn < {most}
)"""


# The accounts whose turn it is: those after where the last claim stopped, then round to there, without those that have their
# share in the air already: it looks at so many more. And how many of each.
_BUSY = f"""
WITH RECURSIVE {_accounts("ahead", "account_id > %(after)s", "%(seen)s")},
{_accounts("behind", "account_id <= %(after)s", "%(seen)s - (SELECT count(account_id) FROM ahead)")},
busy AS (
    SELECT account_id, turn FROM ahead WHERE account_id IS NOT NULL AND account_id {{others}}
    UNION ALL
    SELECT account_id, turn + %(seen)s FROM behind WHERE account_id IS NOT NULL AND account_id {{others}}
    ORDER BY turn LIMIT %(most)s
),
share AS (
    SELECT CASE WHEN most < %(each)s THEN most ELSE %(each)s END AS most
    FROM (SELECT (%(most)s - 1) / count(*) + 1 AS most FROM busy HAVING count(*) > 0) AS even
)
"""
_OLDEST = f"{_READY} AND account_id = busy.account_id ORDER BY next_attempt_at, id LIMIT (SELECT most FROM share)"
_LOCKED = f"""
picked AS MATERIALIZED (
    SELECT due.*, busy.turn FROM busy CROSS JOIN LATERAL (
        SELECT {_COLUMNS} FROM deliveries_delivery WHERE {_OLDEST} FOR NO KEY UPDATE SKIP LOCKED
    ) AS due LIMIT %(most)s
)"""
_UNLOCKED = f"""
picked AS (
    SELECT {", ".join(f"due.{name}" for name in _COLUMNS.split(", "))}, busy.turn
    FROM busy CROSS JOIN deliveries_delivery AS due ON due.id IN (SELECT id FROM deliveries_delivery WHERE {_OLDEST})
    ORDER BY busy.turn, due.next_attempt_at, due.id LIMIT %(most)s
)"""
_ALONE = f"""
WITH picked AS (
    SELECT {_COLUMNS}, 1 AS turn FROM deliveries_delivery WHERE {_SUSPECT}
    ORDER BY next_attempt_at, id LIMIT %(most)s {{lock}}
)"""
_SEEN = """,
judged AS (
    SELECT picked.*, event.size, event.received_timestamp, event.traceparent, event.event_id AS senders_id,
        destination.timeout_s, destination.version,
        CASE WHEN account.deleted_at IS NOT NULL OR destination.deleted_at IS NOT NULL THEN 'deleted'
            WHEN picked.superseded THEN 'replayed' WHEN destination.state <> 'active' THEN 'held'
            WHEN (gate.policed OR gate.breaker <> 'closed' OR gate.pace IS NOT NULL OR gate.slow_at IS NOT NULL)
                AND NOT EXISTS (SELECT 1 FROM deliveries_slot WHERE delivery_id = picked.id) THEN 'held'
            ELSE '' END AS verdict, gate.destination_id IS NOT NULL AS gated
    FROM picked
    JOIN events_event AS event ON event.id = picked.event_id
    JOIN destinations_destination AS destination ON destination.id = picked.destination_id
    JOIN accounts_account AS account ON account.id = picked.account_id
    LEFT JOIN {gate} AS gate ON gate.destination_id = picked.destination_id
),
weighed AS (
    SELECT judged.*,
        sum(CASE WHEN verdict = '' THEN size END) OVER (ORDER BY turn, next_attempt_at, id ROWS UNBOUNDED PRECEDING) AS bytes,
        row_number() OVER (PARTITION BY verdict, event_id ORDER BY turn, next_attempt_at, id) AS of_event
    FROM judged
),
seen AS (SELECT * FROM weighed WHERE verdict <> '' OR bytes <= %(bytes)s OR bytes = size)"""
# One probe for each row: left to itself the planner reads all gates, which with 10,000 of them doubled a claim of 20.
_GATE = "LATERAL (SELECT * FROM destinations_gate WHERE destination_id = picked.destination_id OFFSET 0)"
_LEASED = """,
leased AS (
    UPDATE deliveries_delivery AS delivery SET status = 'delivering', next_attempt_at = NULL, lease_token = %(token)s,
        lease_until = statement_timestamp() + make_interval(secs => seen.timeout_s + %(margin)s), claims = claims + 1,
        updated_at = statement_timestamp()
    FROM seen WHERE delivery.id = seen.id AND seen.verdict = ''
)"""
_ANSWER = """
SELECT seen.id, account_id, seen.event_id, destination_id, replay_of, received_timestamp, {now}, attempts, timeout_s, version,
    verdict, gated, senders_id, traceparent, CASE WHEN verdict = '' AND of_event = 1 THEN
        (SELECT body FROM events_event WHERE events_event.id = seen.event_id) END
FROM seen ORDER BY turn, seen.next_attempt_at, seen.id
"""


@lru_cache
def _statement(vendor: str, *, suspect: bool) -> str:
    """On one line: the driver keeps what it has made of a statement only while that is short."""
    postgresql = vendor == "postgresql"
    lock = "FOR NO KEY UPDATE SKIP LOCKED" if postgresql else ""
    busy = _BUSY.format(
        others="<> ALL(%(without)s::uuid[])" if postgresql else "NOT IN (SELECT value FROM json_each(%(without)s))"
    )
    picked = _ALONE.format(lock=lock) if suspect else f"{busy}, {_LOCKED if postgresql else _UNLOCKED}"
    answer = _ANSWER.format(now="statement_timestamp()" if postgresql else "strftime('%%Y-%%m-%%d %%H:%%M:%%f', 'now')")
    seen = _SEEN.format(gate=_GATE if postgresql else "destinations_gate")
    return " ".join((picked + seen + (_LEASED if postgresql else "") + answer).split())


def pick(limit: int, token: UUID, *, after: UUID, each: int, without: Collection[UUID]) -> list[Picked]:
    """Up to `limit` ready deliveries, no suspects: of each account its share, oldest due first, from the account after `after`.
    At most `each` of one, and none of those of `without`.

    Part of the caller's transaction, which holds them all. Those without a verdict are leased: `token`, timeout + margin.
    """
    values: dict[str, Any] = {"most": limit, "each": each, "seen": limit + len(without)}
    if connection.vendor == "postgresql":
        values |= {"after": after, "without": array(list(without))}
    else:
        values |= {"after": after.hex, "without": json.dumps([own.hex for own in without])}
    return _run(values, token, suspect=False)


def suspect_due() -> bool:
    """Whether a delivery waits that must be claimed alone.

    Asked in the words of the index: as the ORM asks, with parameters, SQLite read all that waits, which beside 300,000
    deliveries took half of its one writer's time (measured).
    """
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT 1 FROM deliveries_delivery WHERE {_SUSPECT} LIMIT 1")
        return cursor.fetchone() is not None


def pick_suspect(token: UUID) -> list[Picked]:
    """The one that is due longest of those that must be claimed alone."""
    return _run({"most": 1}, token, suspect=True)


def _run(values: dict[str, Any], token: UUID, *, suspect: bool) -> list[Picked]:
    values["bytes"] = BODIES_MAX
    if connection.vendor == "postgresql":
        values |= {"token": token, "margin": settings.LEASE_MARGIN_S}
        return [Picked(*row) for row in run(_statement(connection.vendor, suspect=suspect), values)]
    with connection.cursor() as cursor:
        cursor.execute(_statement(connection.vendor, suspect=suspect), values)
        found = [Picked(*_native(row)) for row in cursor.fetchall()]
    _lease([each for each in found if not each.verdict], token)
    return found


def _native(row: Sequence[Any]) -> Iterator[Any]:
    """What SQLite keeps as text; the driver knows moments only where they come from a column."""
    ends = _UUIDS + _MOMENTS
    yield from (value and UUID(value) for value in row[:_UUIDS])
    for value in row[_UUIDS:ends]:
        moment = value if isinstance(value, datetime) else datetime.fromisoformat(value)
        yield moment.replace(tzinfo=UTC)
    yield from row[ends:]


def _lease(rows: Sequence[Picked], token: UUID) -> None:
    by_timeout: dict[int, list[UUID]] = defaultdict(list)
    for row in rows:
        by_timeout[row.timeout_s].append(row.id)
    for timeout_s, ids in by_timeout.items():
        Delivery.objects.filter(pk__in=ids).update(
            status=Delivery.Status.DELIVERING,
            next_attempt_at=None,
            lease_token=token,
            lease_until=Now() + timedelta(seconds=timeout_s + settings.LEASE_MARGIN_S),
            claims=F("claims") + 1,
            updated_at=Now(),
        )
