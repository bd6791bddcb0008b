"""What results do to the gates of their destinations: a breaker that turns, a pace that changes, a slot that is free again."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from functools import partial
from random import SystemRandom
from uuid import UUID

from django.db import transaction
from django.db.models.functions import Now

from apps.common.rows import columns_of, update
from apps.deliveries import admission, breaker
from apps.deliveries.locked import Locked
from apps.deliveries.models import Delivery, Slot
from apps.deliveries.request import Result
from apps.destinations.models import Destination, Gate

_random = SystemRandom()

# Failures in a row at a destination without a gate that this process keeps to itself: now and then a try fails everywhere,
# and costs no statement.
_UNSEEN = breaker.FAILURES // 2
_in_a_row: dict[UUID, int] = {}
_REMEMBERED_MAX = 10_000

_STATE = (
    *("breaker", "error", "response_status", "failures", "since", "pause_s", "probe_at"),
    *("pace", "pace_cut_at", "slow_at", "tokens", "filled_at", "wake_at"),
)


def lock_gates(results: Iterable[Result]) -> dict[UUID, Gate]:
    """destination id -> its gate, locked, with its destination's order. Part of the caller's transaction.

    No query for a destination without a gate, as most are. One that fails again and again gets one.
    """
    ids = {result.claim.target.id for result in results if result.claim.gated}
    counted = _count(result for result in results if not result.claim.gated)
    failing = {pk for pk, number in counted.items() if number >= _UNSEEN}
    if failing:
        there = Destination.objects.filter(pk__in=failing).order_by("pk").values_list("pk", flat=True)
        made = [Gate(destination_id=pk, failures=_in_a_row.get(pk, 0)) for pk in there]
        Gate.objects.bulk_create(made, ignore_conflicts=True)
    if counted:
        transaction.on_commit(partial(_remember, {pk: 0 if pk in failing else number for pk, number in counted.items()}))
    if not ids | failing:
        return {}
    locked = Gate.objects.filter(pk__in=ids | failing).order_by("pk").select_for_update(no_key=True, of=("self",))
    kept = locked.select_related("destination").only(*_STATE, "policed", "destination__ordered")
    return {gate.pk: gate for gate in kept}


def _count(results: Iterable[Result]) -> dict[UUID, int]:
    """destination id -> its failures in a row after these, where that is another number than before."""
    counted: dict[UUID, int] = {}
    for result in results:
        pk, what = result.claim.target.id, breaker.sign(result.outcome)
        if what is breaker.Sign.FAILED:
            counted[pk] = counted.get(pk, _in_a_row.get(pk, 0)) + 1
        elif what is breaker.Sign.ANSWERED and (pk in counted or pk in _in_a_row):
            counted[pk] = 0
    return counted


def _remember(counted: Mapping[UUID, int]) -> None:
    if len(_in_a_row) > _REMEMBERED_MAX:
        _in_a_row.clear()
    for pk, number in counted.items():
        if number:
            _in_a_row[pk] = number
        else:
            _in_a_row.pop(pk, None)


def settle(gates: Mapping[UUID, Gate], results: Sequence[Result], deliveries: Mapping[UUID, Locked], now: datetime) -> None:
    """Notes the outcomes and frees the slots. `deliveries`: as they are now, locked."""
    if not gates:
        return
    freed = set[UUID]()
    for result in results:
        if gate := gates.get(result.claim.target.id):
            breaker.note(gate, result.outcome, result.claim.claimed_at, now, _random)
            delivery = deliveries[result.claim.delivery_id]
            # In order, a retry keeps its place: it holds those behind it. One that somebody else has taken over is theirs.
            keeps = delivery.status == Delivery.Status.DELIVERING
            if not keeps and not (gate.destination.ordered and delivery.status == Delivery.Status.PENDING):
                freed.add(delivery.pk)
                gate.wake_at = _sooner(gate, now)
    Slot.objects.filter(delivery__in=freed).delete()
    blank = {pk for pk, gate in gates.items() if gate.is_blank}
    Gate.objects.filter(pk__in=blank).delete()
    kept = [gate for pk, gate in gates.items() if pk not in blank]
    update(Gate, columns_of(kept, ("destination_id", *_STATE)))
    transaction.on_commit(admission.hint)


def _sooner(gate: Gate, now: datetime) -> datetime | None:
    """A slot is free: what is held may be let through at once, unless the breaker is open, or nothing is held."""
    return gate.wake_at if gate.wake_at is None or gate.breaker == Gate.Breaker.OPEN else now


@transaction.atomic
def mark_slow(destination_ids: Iterable[UUID]) -> None:
    """From now on what goes to these is let through into the slow lane, a few at a time."""
    there = list(Destination.objects.filter(pk__in=set(destination_ids)).order_by("pk").values_list("pk", flat=True))
    Gate.objects.bulk_create([Gate(destination_id=pk) for pk in there], ignore_conflicts=True)
    gates = Gate.objects.filter(pk__in=there, slow_at=None, breaker=Gate.Breaker.CLOSED).order_by("pk")
    locked = list(gates.select_for_update(no_key=True).values_list("pk", flat=True))
    Gate.objects.filter(pk__in=locked).update(slow_at=Now())


def wake(destination_ids: Iterable[UUID]) -> None:
    """Has a place that was given up found at once, not only by the next look. After the commit: gates are locked first."""
    if ids := sorted(set(destination_ids)):
        transaction.on_commit(partial(_wake, ids), robust=True)


def _wake(ids: Sequence[UUID]) -> None:
    for pk in ids:  # each by itself: whoever holds one of them waits for nobody of these
        Gate.objects.filter(pk=pk, wake_at__isnull=False).exclude(breaker=Gate.Breaker.OPEN).update(wake_at=Now())
    admission.hint()
