"""Logs in the table, as the worker writes them, without a worker."""

import hashlib

from django.db import transaction
from django.utils import timezone

from apps.common.ids import uuid7
from apps.destinations.models import Destination
from apps.events.models import Event
from apps.logs.models import NewLog
from apps.logs.selectors import Entry, as_entry
from apps.logs.services import append, lock_counters


@transaction.atomic
def write_logs(destination: Destination, count: int = 1, *, status: str = "success", body: bytes = b'{"n": 1}') -> list[Entry]:
    """That many tries of one new event. Nobody is told."""
    account_id = destination.account_id
    digest = hashlib.sha256(body).digest()
    event = Event.objects.create(account_id=account_id, event_id=f"e-{uuid7()}", body=body, digest=digest, size=len(body))
    logs = [_log(destination, event, status, attempt) for attempt in range(1, count + 1)]
    append(logs=logs, counters=lock_counters(account_ids={account_id}))
    return [as_entry(log, event.event_id, body) for log in logs]


def _log(destination: Destination, event: Event, status: str, attempt: int) -> NewLog:
    now = timezone.now()
    return NewLog(
        id=uuid7(),
        account_id=destination.account_id,
        destination_id=destination.pk,
        event_id=event.pk,
        delivery_id=uuid7(),
        received_timestamp=now,
        processed_timestamp=now,
        status=status,
        attempt=attempt,
        max_attempts=10,
        next_attempt_at=None,
        late=False,
        response_status=200 if status == "success" else 500,
        latency_ms=7,
        error="",
        response_headers=b'{"server": "fake"}',
        response_body=b"ok",
        connect_ms=2,
        first_byte_ms=4,
    )
