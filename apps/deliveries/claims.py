"""Takes work and gives it back. All times are the database's; a lease is held by one worker."""

import logging
from collections.abc import Callable, Collection, Sequence
from datetime import datetime, timedelta
from functools import partial
from uuid import UUID, uuid4

from cryptography.fernet import InvalidToken
from django.conf import settings
from django.db import transaction
from django.db.models import F
from django.db.models.functions import Now

from apps.common.batches import BATCH
from apps.common.lanes import in_turn
from apps.deliveries import admission, ledger
from apps.deliveries.clock import Watch, since_boot
from apps.deliveries.gates import wake
from apps.deliveries.holding import put_aside
from apps.deliveries.models import QUARANTINE_AT, Delivery, DeliveryQuerySet
from apps.deliveries.picking import Picked, pick, pick_suspect, suspect_due
from apps.deliveries.request import Claim, Target
from apps.destinations.models import Destination

# fmt: off
__all__ = [
    "cancel", "claim_due", "claim_suspect", "give_back", "release_all", "since_boot", "suspect_due", "sweep", "target_of",
]
# fmt: on

logger = logging.getLogger(__name__)

# Seconds until what failed on our side is tried again.
_BACK_OFF_S = 5
# Seconds for which a claim that finds only what it has to put aside or to cancel goes on, in a transaction each time.
_CLEARING_S = 0.5
# Seconds a look for which retries that fall due are made ready, in a transaction of 1,000 each time.
_READYING_S = 0.2
# Of a destination, whose limit the database checks, and so of every lease but for its margin.
_TIMEOUT_MAX_S = 30
# A lease that ends so much later than any can was given by another time.
_BEYOND_S = 10
# Destinations whose secrets a process keeps readable: some 3 KiB each.
_KNOWN_MAX = 5000


# Verdicts that end a delivery: their reasons.
_ENDING = ("deleted", "replayed")


class _Turn:
    """At which account this process's last claim stopped: the next one goes on there."""

    after = UUID(int=0)


_watch = Watch()


def claim_due(limit: int, *, each: int | None = None, without: Collection[UUID] = ()) -> list[Claim]:
    """Up to `limit` deliveries that are ready, leased to the caller for timeout + margin. At most `each` of one account, and
    none of the accounts of `without`.

    Of each account with ready work its share, oldest due first; the accounts by turns, from one claim to the next.
    Suspects are left to `claim_suspect`.
    What belongs to a deleted account or destination, or was replayed, becomes `cancelled` here instead; what is for a closed
    destination is put aside until that is resumed.
    An empty list: nothing is ready.
    """
    return _claim(partial(_pick_in_turn, limit, each or limit, without))


def claim_suspect() -> list[Claim]:
    """One delivery that must be claimed alone, or none. The caller holds nothing else until it has a result."""
    return _claim(pick_suspect)


def _pick_in_turn(limit: int, each: int, without: Collection[UUID], token: UUID) -> list[Picked]:
    rows = pick(in_turn(limit), token, after=_Turn.after, each=each, without=without)
    if rows:
        _Turn.after = rows[-1].account_id
    return rows


def _claim(picker: Callable[[UUID], list[Picked]]) -> list[Claim]:
    """Goes on while it only clears out of the way what cannot be sent: behind that others may wait."""
    until = since_boot() + _CLEARING_S
    while True:
        if admission.due():
            admission.admit()
        claims, cleared = _claim_once(picker)
        if claims or not cleared or since_boot() >= until:
            return claims


@transaction.atomic
def _claim_once(picker: Callable[[UUID], list[Picked]]) -> tuple[list[Claim], int]:
    """The claims, and how many deliveries it got out of the way."""
    before, token = since_boot(), uuid4()
    rows = picker(token)
    cleared = 0
    for reason in _ENDING:
        cleared += cancel([row.id for row in rows if row.verdict == reason], reason)
    wake(row.destination for row in rows if row.gated and row.verdict in _ENDING)
    if closed := {row.destination for row in rows if row.verdict == "held"}:
        cleared += put_aside(closed)
    taken = [row for row in rows if not row.verdict]
    return _load(taken, token, before), cleared  # a load that fails takes the leases back with it: nobody died


def cancel(ids: Sequence[UUID], reason: str) -> int:
    """Ends those that wait. The caller has locked them. Returns how many."""
    if ids:
        ledger.ended_rows(ids, Delivery.Status.CANCELLED)
        Delivery.objects.filter(pk__in=ids).update(
            status=Delivery.Status.CANCELLED, reason=reason, next_attempt_at=None, updated_at=Now()
        )
    return len(ids)


def _load(rows: Sequence[Picked], token: UUID, before: float) -> list[Claim]:
    """Each event's body and each destination's secrets once, whatever the fan-out."""
    bodies = {row.event: row.body for row in rows if row.body is not None}
    targets = _targets({row.destination: row.destination_version for row in rows}, rows[0].now) if rows else {}
    _give_back([row.id for row in rows if row.destination not in targets], token)
    return [
        Claim(
            delivery_id=row.id,
            lease_token=token,
            account_id=row.account_id,
            event=row.event,
            event_id=row.event_id,
            received_timestamp=row.received_timestamp,
            body=bytes(bodies[row.event]),
            traceparent=row.traceparent,
            attempts=row.attempts,
            target=targets[row.destination],
            claimed_at=row.now,
            claimed_mono=before,
            lease_s=row.timeout_s + settings.LEASE_MARGIN_S,
            replay_of=row.replay_of,
            gated=bool(row.gated),
        )
        for row in rows
        if row.destination in targets
    ]


# id -> version, until when by the database's clock (for ever: None), and what was made of it. Each write to a destination
# makes another version, so a stale copy is never used.
_known: dict[UUID, tuple[int, datetime | None, Target]] = {}


def _targets(versions: dict[UUID, int], now: datetime) -> dict[UUID, Target]:
    """Those whose secrets can be read."""
    found: dict[UUID, Target] = {}
    missing = set[UUID]()
    for pk, version in versions.items():
        kept = _known.get(pk)
        if kept is not None and kept[0] == version and (kept[1] is None or now < kept[1]):
            found[pk] = kept[2]
        else:
            missing.add(pk)
    if len(_known) + len(missing) > _KNOWN_MAX:
        _known.clear()
    for pk, destination in _readable(missing).items():
        found[pk] = target_of(destination, now)
        until = destination.previous_secret_until if len(found[pk].signing_secrets) > 1 else None
        _known[pk] = destination.version, until, found[pk]
    return found


def _readable(ids: set[UUID]) -> dict[UUID, Destination]:
    """One that no key of FIELD_ENCRYPTION_KEYS fits must not stop the others."""
    try:
        return Destination.objects.in_bulk(ids) if ids else {}
    except InvalidToken:
        if len(ids) == 1:
            logger.exception("no key of FIELD_ENCRYPTION_KEYS fits destination %s: its deliveries wait", *ids)
            return {}
    return {pk: found for own in ids for pk, found in _readable({own}).items()}


def target_of(destination: Destination, now: datetime) -> Target:
    """What a try needs; `now` by the database's clock says which secrets sign."""
    return Target(
        id=destination.pk,
        url=destination.url,
        http_method=destination.http_method,
        headers=destination.headers,
        signing_secrets=destination.signing_secrets(now),
        timeout_s=destination.timeout_s,
        schedule=destination.schedule,
    )


def give_back(claims: Sequence[Claim]) -> None:
    """Ends the leases of what was not tried; it uses up no try and waits a little, since the cause is on our side."""
    for claim in claims:
        _give_back([claim.delivery_id], claim.lease_token)


def _give_back(ids: Sequence[UUID], token: UUID) -> None:
    if ids:
        leased = Delivery.objects.filter(pk__in=ids, lease_token=token)
        leased.update(**_waiting(Now() + timedelta(seconds=_BACK_OFF_S), Delivery.Queue.LATER))


def sweep() -> int:
    """Takes back what dead workers held, and makes ready what falls due. Returns how many leases it took.

    A try without a result leaves no log. After the database's clock was set no lease is taken for the length of one.
    """
    longest_s = _TIMEOUT_MAX_S + settings.LEASE_MARGIN_S
    taken = 0
    if (now := _watch.look(longest_s)) is not None:
        taken = _take_back(Delivery.objects.expired(now))
        _shorten(now, longest_s)
    until = since_boot() + _READYING_S
    while _ready_due() >= BATCH and since_boot() < until:
        pass
    return taken


@transaction.atomic
def _shorten(now: datetime, longest_s: float) -> None:
    """A lease that ends later than any can was given before the database's clock was set back."""
    beyond = Delivery.objects.filter(
        status=Delivery.Status.DELIVERING, lease_until__gt=now + timedelta(seconds=longest_s + _BEYOND_S)
    )
    ids = list(beyond.select_for_update(skip_locked=True, no_key=True).values_list("pk", flat=True)[:BATCH])
    if ids:
        Delivery.objects.filter(pk__in=ids).update(lease_until=now + timedelta(seconds=longest_s))


@transaction.atomic
def _ready_due() -> int:
    """Marks waiting retries that have fallen due, the oldest first, 1,000 at most. Returns how many."""
    later = Delivery.objects.filter(status=Delivery.Status.PENDING, queue=Delivery.Queue.LATER, next_attempt_at__lte=Now())
    locked = later.order_by("next_attempt_at", "id").select_for_update(skip_locked=True, no_key=True)
    ids = list(locked.values_list("pk", flat=True)[:BATCH])
    if ids:
        Delivery.objects.filter(pk__in=ids).update(queue=Delivery.Queue.READY)
    return len(ids)


def release_all() -> int:
    """Takes every lease back. Only for a caller that knows that no other process works on this database."""
    total = 0
    while taken := _take_back(Delivery.objects.filter(status=Delivery.Status.DELIVERING)):
        total += taken
    return total


@transaction.atomic
def _take_back(leased: DeliveryQuerySet) -> int:
    """Due again at once, or `quarantined` when five leases in a row were lost with it."""
    # In the order of the index on leases: in that of ids SQLite reads the whole table. No row is waited for: any order is safe.
    locked = leased.order_by("lease_until").select_for_update(skip_locked=True, no_key=True)
    lost = dict(locked.values_list("pk", "lost_leases")[:BATCH])
    deadly = [pk for pk, before in lost.items() if before + 1 >= QUARANTINE_AT]
    Delivery.objects.filter(pk__in=lost).update(**_waiting(Now(), Delivery.Queue.READY), lost_leases=F("lost_leases") + 1)
    if deadly:
        logger.error("quarantined: %s", ", ".join(map(str, deadly)))
        ledger.ended_rows(deadly, Delivery.Status.FAILED)
        Delivery.objects.filter(pk__in=deadly).update(status=Delivery.Status.FAILED, reason="quarantined", next_attempt_at=None)
    return len(lost)


def _waiting(when: object, queue: Delivery.Queue) -> dict[str, object]:
    return {
        "status": Delivery.Status.PENDING,
        "queue": queue,
        "next_attempt_at": when,
        "lease_token": None,
        "lease_until": None,
        "updated_at": Now(),
    }
