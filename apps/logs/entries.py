"""The one log object, for REST and socket."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson

from apps.events.selectors import DATA_IN_LISTS_MAX
from apps.logs.models import Log, NewLog

_DATA = ',"received_data":'


@dataclass(frozen=True, slots=True)
class Entry:
    """A log as the socket carries it: what a filter needs, and the finished JSON."""

    cursor: int
    status: str
    destination_id: str
    json: str
    data_at: int = 0
    """Where in the JSON the data begins, which is the last of it; 0: it is not all there."""

    @property
    def data(self) -> bytes | None:
        """What was received, byte for byte; None over 4 KiB."""
        return self.json[self.data_at : -1].encode() if self.data_at else None

    def fields(self) -> dict[str, Any]:
        """The log object without the data, whose numbers no parser could keep."""
        own: dict[str, Any] = orjson.loads(self.json[: self.data_at - len(_DATA)] + "}" if self.data_at else self.json)
        return own


def instant(moment: datetime | None) -> str | None:
    """RFC 3339 in UTC with microseconds."""
    return None if moment is None else moment.isoformat(timespec="microseconds").replace("+00:00", "Z")


def as_try(log: Log | NewLog, event_id: str) -> dict[str, Any]:
    """The log object without its event's data."""
    return {
        "id": str(log.id),
        "cursor": log.cursor,
        "event": str(log.event_id),
        "event_id": event_id,
        "delivery_id": str(log.delivery_id),
        "account_id": str(log.account_id),
        "destination_id": str(log.destination_id),
        "received_timestamp": instant(log.received_timestamp),
        "processed_timestamp": instant(log.processed_timestamp),
        "status": log.status,
        "attempt": log.attempt,
        "max_attempts": log.max_attempts,
        "next_attempt_at": instant(log.next_attempt_at),
        "late": log.late,
        "response_status": log.response_status,
        "latency_ms": log.latency_ms,
        "timings": {
            "dns_ms": log.dns_ms,
            "connect_ms": log.connect_ms,
            "tls_ms": log.tls_ms,
            "first_byte_ms": log.first_byte_ms,
        },
        "error": log.error,
        "response_headers": orjson.Fragment(bytes(log.response_headers) or b"{}"),
        "response_body": bytes(log.response_body).decode("utf-8", "replace"),
    }


def as_entry(log: Log | NewLog, event_id: str, body: bytes, *, at_any_size: bool = False) -> Entry:
    """The log object. `received_data` stands as it came, digits kept; over 4 KiB it is null beside its head.

    `body`: all of it, or one byte more than a list shows.
    """
    own = as_try(log, event_id)
    if at_any_size or len(body) <= DATA_IN_LISTS_MAX:
        start = orjson.dumps(own).decode()[:-1] + _DATA
        return Entry(log.cursor, log.status, str(log.destination_id), f"{start}{body.decode()}}}", len(start))
    cut = {"received_data": None, "received_data_head": body[:DATA_IN_LISTS_MAX].decode("utf-8", "ignore")}
    return Entry(log.cursor, log.status, str(log.destination_id), orjson.dumps(own | cut).decode())
