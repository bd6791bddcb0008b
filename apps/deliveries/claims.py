"""Takes work and gives it back. All times are the database's; a lease is held by one worker."""

import logging
import time
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID, uuid4

from cryptography.fernet import InvalidToken
from django.conf import settings
from django.db import transaction
from django.db.models import F
from django.db.models.functions import Now

from apps.deliveries.models import QUARANTINE_AT, SUSPECT_AT, Delivery, DeliveryQuerySet
from apps.deliveries.request import Claim, Target
from apps.destinations.models import Destination
from apps.events.models import Event

logger = logging.getLogger(__name__)

# Seconds until what failed on our side is tried again.
_BACK_OFF_S = 5
# Expired leases taken over at a time: a small transaction holds up nobody.
_SWEEP_MAX = 1000
# Bytes of bodies in one claim; a larger single body goes alone.
_BODIES_MAX = 16 * 1024 * 1024


def since_boot() -> float:
    """Seconds of a clock that also runs while the machine sleeps, so that a lease is never thought alive when it is not."""
    return time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))


@dataclass(frozen=True, slots=True)
class _Due:
    delivery_id: UUID
    account_id: UUID
    event: UUID
    destination: UUID
    attempts: int
    timeout_s: int
    size: int
    destination_deleted: datetime | None
    account_deleted: datetime | None
    now: datetime


_COLUMNS = (
    "id",
    "account_id",
    "event_id",
    "destination_id",
    "attempts",
    "destination__timeout_s",
    "event__size",
    "destination__deleted_at",
    "account__deleted_at",
    "now",
)


def claim_due(limit: int) -> list[Claim]:
    """Up to `limit` deliveries that can go now, oldest due first, leased to the caller for timeout + margin.

    Suspects are left to `claim_suspect`.
    What belongs to a deleted account or destination becomes `cancelled` here instead. An empty list: nothing is due.
    """
    return _claim(Delivery.objects.due().filter(lost_leases__lt=SUSPECT_AT), limit)


def claim_suspect() -> list[Claim]:
    """One delivery that must be claimed alone, or none. The caller holds nothing else until it has a result."""
    return _claim(Delivery.objects.due().suspects(), 1)


def _claim(which: DeliveryQuerySet, limit: int) -> list[Claim]:
    before = since_boot()
    token = uuid4()
    with transaction.atomic():
        due = which.order_by("next_attempt_at", "id").annotate(now=Now())
        locked = due.select_for_update(skip_locked=True, no_key=True, of=("self",))
        rows = _within_bytes([_Due(*row) for row in locked.values_list(*_COLUMNS)[:limit]])
        deleted = [row.delivery_id for row in rows if row.destination_deleted or row.account_deleted]
        cancel_deleted(deleted)
        taken = [row for row in rows if not (row.destination_deleted or row.account_deleted)]
        _lease(taken, token)
    return _load(taken, token, before)


def _within_bytes(rows: Sequence[_Due]) -> Sequence[_Due]:
    total = 0
    for number, row in enumerate(rows):
        total += row.size
        if number and total > _BODIES_MAX:
            return rows[:number]
    return rows


def cancel_deleted(ids: Sequence[UUID]) -> None:
    if ids:
        Delivery.objects.filter(pk__in=ids).update(
            status=Delivery.Status.CANCELLED, reason="deleted", next_attempt_at=None, updated_at=Now()
        )


def _lease(rows: Iterable[_Due], token: UUID) -> None:
    by_timeout: dict[int, list[UUID]] = defaultdict(list)
    for row in rows:
        by_timeout[row.timeout_s].append(row.delivery_id)
    for timeout_s, ids in by_timeout.items():
        Delivery.objects.filter(pk__in=ids).update(
            status=Delivery.Status.DELIVERING,
            next_attempt_at=None,
            lease_token=token,
            lease_until=Now() + timedelta(seconds=timeout_s + settings.LEASE_MARGIN_S),
            claims=F("claims") + 1,
            updated_at=Now(),
        )


def _load(rows: Sequence[_Due], token: UUID, before: float) -> list[Claim]:
    """Each event's body and each destination's secrets once, whatever the fan-out."""
    events = Event.objects.in_bulk({row.event for row in rows})
    targets = _targets({row.destination for row in rows}, rows[0].now) if rows else {}
    _give_back([row.delivery_id for row in rows if row.destination not in targets], token)
    return [
        Claim(
            delivery_id=row.delivery_id,
            lease_token=token,
            account_id=row.account_id,
            event=row.event,
            event_id=events[row.event].event_id,
            received_timestamp=events[row.event].received_timestamp,
            body=bytes(events[row.event].body),
            traceparent=events[row.event].traceparent,
            attempts=row.attempts,
            target=targets[row.destination],
            claimed_at=row.now,
            claimed_mono=before,
            lease_s=row.timeout_s + settings.LEASE_MARGIN_S,
        )
        for row in rows
        if row.destination in targets
    ]


def _targets(ids: set[UUID], now: datetime) -> dict[UUID, Target]:
    """Those whose secrets can be read. One that no key of FIELD_ENCRYPTION_KEYS fits must not stop the others."""
    try:
        return {pk: _target(found, now) for pk, found in Destination.objects.in_bulk(ids).items()}
    except InvalidToken:
        if len(ids) == 1:
            logger.exception("no key of FIELD_ENCRYPTION_KEYS fits destination %s: its deliveries wait", *ids)
            return {}
    return {pk: target for own in ids for pk, target in _targets({own}, now).items()}


def _target(destination: Destination, now: datetime) -> Target:
    schedule = destination.retry_schedule
    return Target(
        id=destination.pk,
        url=destination.url,
        http_method=destination.http_method,
        headers=destination.headers,
        signing_secrets=destination.signing_secrets(now),
        timeout_s=destination.timeout_s,
        schedule=tuple(settings.RETRY_SCHEDULE if schedule is None else schedule),
    )


def give_back(claims: Sequence[Claim]) -> None:
    """Ends the leases of what was not tried; it uses up no try and waits a little, since the cause is on our side."""
    for claim in claims:
        _give_back([claim.delivery_id], claim.lease_token)


def _give_back(ids: Sequence[UUID], token: UUID) -> None:
    if ids:
        held = Delivery.objects.filter(pk__in=ids, lease_token=token)
        held.update(**_waiting(Now() + timedelta(seconds=_BACK_OFF_S)))


def sweep() -> int:
    """Takes back what dead workers held, 1,000 at a time. Returns how many. A try without a result leaves no log."""
    return _take_back(Delivery.objects.expired())


def release_all() -> int:
    """Takes every lease back. Only for a caller that knows that no other process works on this database."""
    total = 0
    while taken := _take_back(Delivery.objects.filter(status=Delivery.Status.DELIVERING)):
        total += taken
    return total


@transaction.atomic
def _take_back(leased: DeliveryQuerySet) -> int:
    """Due again at once, or `quarantined` when five leases in a row were lost with it."""
    locked = leased.order_by("id").select_for_update(skip_locked=True, no_key=True)
    lost = dict(locked.values_list("pk", "lost_leases")[:_SWEEP_MAX])
    deadly = [pk for pk, before in lost.items() if before + 1 >= QUARANTINE_AT]
    Delivery.objects.filter(pk__in=lost).update(**_waiting(Now()), lost_leases=F("lost_leases") + 1)
    if deadly:
        logger.error("quarantined: %s", ", ".join(map(str, deadly)))
        Delivery.objects.filter(pk__in=deadly).update(status=Delivery.Status.FAILED, reason="quarantined", next_attempt_at=None)
    return len(lost)


def suspect_due() -> bool:
    """Whether a delivery waits that must be claimed alone."""
    return Delivery.objects.due().suspects().exists()


def _waiting(when: object) -> dict[str, object]:
    return {
        "status": Delivery.Status.PENDING,
        "next_attempt_at": when,
        "lease_token": None,
        "lease_until": None,
        "updated_at": Now(),
    }
