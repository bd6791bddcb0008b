"""Lets through what lies held before the gates of limited destinations, as rate, order, number of tries and breaker allow.

Any number of workers may do it: who looks at a gate holds it. It costs one probe of an index while no gate has anything to do.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models.functions import Now

from apps.common.batches import BATCH
from apps.common.rows import columns_of, update
from apps.deliveries.clock import since_boot
from apps.deliveries.models import Delivery, DeliveryQuerySet, Slot
from apps.deliveries.selectors import database_now
from apps.destinations.models import Destination, Gate

# Gates looked at in one transaction; each costs a query or two.
_GATES = 50
# Seconds until a gate all of whose slots are taken is looked at again, though no result has freed one: it may have been
# given up by a cancellation, or with its destination.
_FULL_S = 10.0
# Seconds until a gate is looked at again one of whose rows somebody held.
_LOCKED_S = 0.05
# Seconds of a rate that may go at once, and until enough has gathered to be worth a look.
_BURST_S, _GATHER_S = 0.2, 0.1
_OLDEST = "created_at", "event_id", "pk"
_STATE = "breaker", "since", "pause_s", "probe_at", "pace", "pace_cut_at", "tokens", "filled_at", "wake_at"


class _Plan:
    at = 0.0  # by the clock since boot: when this process looks next
    hints = 0  # so far


def hint() -> None:
    """Something may be let through: look with the next claim."""
    _Plan.hints += 1
    _Plan.at = 0.0


def due() -> bool:
    return since_boot() >= _Plan.at


def next_look_s() -> float:
    """Seconds until it is due."""
    return max(0.0, _Plan.at - since_boot())


def admit() -> int:
    """Looks at the gates that are due, 50 at most, those first that wait longest. Returns how many deliveries it made ready."""
    before, hints = since_boot(), _Plan.hints
    with transaction.atomic():
        due_now = Gate.objects.filter(wake_at__lte=Now()).order_by("wake_at")
        gates = {gate.pk: gate for gate in due_now.select_for_update(no_key=True, skip_locked=True)[:_GATES]}
        ready = _look(gates) if gates else 0
        wait = _next_wait() if len(gates) < _GATES else 0.0
    # A hint that came meanwhile may speak of what this look has not seen.
    _Plan.at = before + min(wait, settings.WORKER_POLL_S) if hints == _Plan.hints else 0.0
    return ready


def _next_wait() -> float:
    first = Gate.objects.filter(wake_at__isnull=False).order_by("wake_at").values_list("wake_at", flat=True).first()
    # One that is due already is held by somebody.
    return settings.WORKER_POLL_S if first is None else max(_LOCKED_S, (first - database_now()).total_seconds())


def _look(gates: dict[UUID, Gate]) -> int:
    # In a statement of its own: the one that locked may have waited for nobody, but it read before it held.
    destinations = {
        each.pk: each
        for each in Destination.objects.filter(pk__in=gates).only("state", "deleted_at", "rate_limit", "concurrency", "ordered")
    }
    taken = _slots(gates)
    share = _slow_share() if any(gate.slow_at for gate in gates.values()) else 0
    now = database_now()
    ready, slots, blank = list[UUID](), list[Slot](), list[UUID]()
    for pk in sorted(gates):
        gate = gates[pk]
        chosen = _Look(gate, destinations[pk], taken[pk], share, now).choose()
        ready += [each.pk for each in chosen if each.queue == Delivery.Queue.HELD]
        if gate.is_limited:
            slots += [Slot(delivery_id=each.pk, gate_id=pk) for each in chosen]
        elif gate.is_blank:
            blank.append(pk)
    Delivery.objects.filter(pk__in=ready).update(queue=Delivery.Queue.READY)
    Slot.objects.bulk_create(slots, ignore_conflicts=True)  # paused a moment ago, one may have been put aside with its slot
    Gate.objects.filter(pk__in=blank).delete()
    kept = [gate for pk, gate in gates.items() if pk not in blank]
    update(Gate, columns_of(kept, ("destination_id", *_STATE)))
    return len(ready)


def _slow_share() -> int:
    """Tries at once for each slow destination. Half of the lane is for what hung before it was found slow."""
    number = Gate.objects.filter(slow_at__isnull=False).count()
    return max(1, settings.WORKER_SLOW_SEATS // 2 // max(2, number))


@dataclass(slots=True)
class _Taken:
    """The slots of a gate."""

    number: int = 0
    waiting: int = 0
    """Of them, those that no worker has claimed yet."""


def _slots(gates: Iterable[UUID]) -> dict[UUID, _Taken]:
    """What holds a place; what cannot any more gives it up here."""
    found, gone = defaultdict[UUID, _Taken](_Taken), list[UUID]()
    rows = Slot.objects.filter(gate__in=gates).values_list("gate_id", "delivery_id", "delivery__status", "delivery__queue")
    for gate, delivery, status, queue in rows:
        pending = status == Delivery.Status.PENDING
        if (pending and queue != Delivery.Queue.HELD) or status == Delivery.Status.DELIVERING:
            found[gate].number += 1
            found[gate].waiting += pending and queue == Delivery.Queue.READY
        else:
            gone.append(delivery)
    Slot.objects.filter(delivery__in=gone).delete()
    return found


@dataclass(slots=True)
class _Look:
    """At one gate, which the caller holds and stores."""

    gate: Gate
    destination: Destination
    taken: _Taken
    slow_share: int
    now: datetime

    def choose(self) -> Sequence[Delivery]:
        """What may go now, locked. Sets when to look again."""
        gate = self.gate
        gate.wake_at = None
        if self.destination.deleted_at is not None or self.destination.state != Destination.State.ACTIVE:
            return ()  # resuming it wakes the gate
        room, wait_s = self._room()
        if room <= 0:
            gate.wake_at = self.now + timedelta(seconds=wait_s)
            return ()
        chosen = self._head() if self.destination.ordered else self._oldest(room)
        self._spend(len(chosen))
        if len(chosen) < room and not self._held().exclude(pk__in=[each.pk for each in chosen]).exists():
            self._emptied()
        elif len(chosen) < room:
            gate.wake_at = self.now + timedelta(seconds=_LOCKED_S)
        else:
            room, wait_s = self._room(len(chosen))
            gate.wake_at = self.now + timedelta(seconds=0.0 if room > 0 else wait_s)
        return chosen

    def _room(self, more: int = 0) -> tuple[int, float]:
        """How many may go, and if none: seconds until to look again. `more` have been chosen just now."""
        gate, destination = self.gate, self.destination
        if not gate.is_limited:
            return BATCH, 0.0
        if gate.probe_at is not None and self.now < gate.probe_at:
            return 0, (gate.probe_at - self.now).total_seconds()
        single = destination.ordered or gate.breaker != Gate.Breaker.CLOSED
        most = 1 if single else min(destination.concurrency or BATCH, self.slow_share if gate.slow_at else BATCH)
        places = most - self.taken.number - more
        if places <= 0:
            return 0, _FULL_S
        rate = self._rate()
        if rate is None or gate.breaker != Gate.Breaker.CLOSED:
            return places, 0.0
        return min(places, self._fill(rate, more)), max(_LOCKED_S, (max(1.0, rate * _GATHER_S) - gate.tokens) / rate)

    def _rate(self) -> float | None:
        """Requests a second."""
        known = [each for each in (self.destination.rate_limit, self.gate.pace) if each is not None]
        return min(known) if known else None

    def _fill(self, rate: float, more: int) -> int:
        """The tokens that there are. What nobody has claimed yet counts too: it may all go at once."""
        gate, burst = self.gate, max(1.0, rate * _BURST_S)
        passed = max(0.0, (self.now - gate.filled_at).total_seconds())
        # One more than may go at once, so that the fraction is not lost by which a look comes late.
        gate.tokens, gate.filled_at = min(burst + 1, gate.tokens + passed * rate), self.now
        return min(int(gate.tokens), int(burst) - self.taken.waiting - more)

    def _spend(self, number: int) -> None:
        gate = self.gate
        if not number:
            return
        if self._rate() is not None:
            gate.tokens -= number
        if gate.breaker == Gate.Breaker.OPEN:
            gate.breaker, gate.since, gate.probe_at = Gate.Breaker.HALF_OPEN.value, self.now, None

    def _emptied(self) -> None:
        """Nothing waits any more: nothing could push it over."""
        self.gate.pace = self.gate.pace_cut_at = None
        if self.gate.breaker == Gate.Breaker.CLOSED:
            self.gate.pause_s = 0.0

    def _held(self) -> DeliveryQuerySet:
        pending = Delivery.objects.filter(destination=self.destination, status=Delivery.Status.PENDING)
        return pending.filter(queue=Delivery.Queue.HELD)

    def _oldest(self, room: int) -> list[Delivery]:
        held = self._held().order_by(*_OLDEST).only("pk", "queue")
        return list(held.select_for_update(no_key=True, skip_locked=True)[: min(room, BATCH)])

    def _head(self) -> list[Delivery]:
        """The oldest of all that wait: one that is not put aside yet, or waits for its next try, comes before what is held."""
        pending = Delivery.objects.filter(destination=self.destination, status=Delivery.Status.PENDING)
        firsts = [pending.filter(queue=queue).order_by(*_OLDEST).values_list(*_OLDEST).first() for queue in Delivery.Queue]
        known = [each for each in firsts if each is not None]
        if not known:
            return []
        head = pending.filter(pk=min(known)[-1]).only("pk", "queue")
        return list(head.select_for_update(no_key=True, skip_locked=True))
