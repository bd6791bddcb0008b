"""Every read of logs, and the one log object for REST and socket."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson
from django.db import connection
from django.db.models import Min

from apps.logs.models import Log, LogCounter, Status

# Over this a list or a frame carries the head only (contract, §3).
DATA_IN_LISTS_MAX = 4096
STATUSES = frozenset(Status.values)


@dataclass(frozen=True, slots=True)
class Entry:
    """A log as the socket carries it: what a filter needs, and the finished JSON."""

    cursor: int
    status: str
    destination_id: str
    json: str


def instant(moment: datetime | None) -> str | None:
    """RFC 3339 in UTC with microseconds."""
    return None if moment is None else moment.isoformat(timespec="microseconds").replace("+00:00", "Z")


def as_entry(log: Log, event_id: str, body: bytes) -> Entry:
    """The log object. `received_data` stands as it came, digits kept; over 4 KiB it is null beside its head."""
    whole = len(body) <= DATA_IN_LISTS_MAX
    content: dict[str, Any] = {
        "id": str(log.pk),
        "cursor": log.cursor,
        "event": str(log.event_id),
        "event_id": event_id,
        "delivery_id": str(log.delivery_id),
        "account_id": str(log.account_id),
        "destination_id": str(log.destination_id),
        "received_timestamp": instant(log.received_timestamp),
        "processed_timestamp": instant(log.processed_timestamp),
        "received_data": orjson.Fragment(body) if whole else None,
        "status": log.status,
        "attempt": log.attempt,
        "max_attempts": log.max_attempts,
        "next_attempt_at": instant(log.next_attempt_at),
        "late": log.late,
        "response_status": log.response_status,
        "latency_ms": log.latency_ms,
        "error": log.error,
        "response_headers": orjson.Fragment(bytes(log.response_headers) or b"{}"),
        "response_body": bytes(log.response_body).decode("utf-8", "replace"),
    }
    if not whole:
        content["received_data_head"] = body[:DATA_IN_LISTS_MAX].decode("utf-8", "ignore")
    return Entry(log.cursor, log.status, str(log.destination_id), orjson.dumps(content).decode())


def entries_after(account_id: UUID, cursor: int, limit: int) -> list[Entry]:
    """The account's logs with a greater cursor, oldest first, `limit` at most. One query."""
    logs = Log.objects.filter(account=account_id, cursor__gt=cursor).order_by("cursor").select_related("event")[:limit]
    return [as_entry(log, log.event.event_id, bytes(log.event.body)) for log in logs]


def newest(account_ids: Iterable[UUID]) -> dict[UUID, int]:
    """account id -> its newest cursor, 0 where nothing was logged. One query."""
    wanted = list(account_ids)
    found = dict(LogCounter.objects.filter(account__in=wanted).values_list("account_id", "value"))
    return {account_id: found.get(account_id, 0) for account_id in wanted}


def oldest(account_id: UUID) -> int:
    """The account's oldest kept cursor; where none is kept, the one that its next log will have."""
    first: int | None = Log.objects.filter(account=account_id).aggregate(first=Min("cursor"))["first"]
    return newest([account_id])[account_id] + 1 if first is None else first


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
