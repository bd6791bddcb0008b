"""Every write to deliveries, but for the claim and what is purged."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import SystemRandom
from typing import Any
from uuid import UUID

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.db.models.functions import Now

from apps.accounts.models import Member
from apps.accounts.policies import Right, authorise
from apps.accounts.selectors import refuse_full
from apps.audit import services as audit
from apps.common.commits import durable, wait_for_standby
from apps.common.errors import Conflict, Missing
from apps.common.ids import uuid7
from apps.common.rows import columns_of, insert, update
from apps.deliveries import doorbell, ledger, retry
from apps.deliveries.gates import lock_gates, settle, wake
from apps.deliveries.locked import STATE, Locked, lock_deliveries
from apps.deliveries.models import Delivery
from apps.deliveries.request import Error, Outcome, Result
from apps.destinations.services import disable
from apps.events.models import Event
from apps.logs.models import NewLog, Status
from apps.logs.selectors import Entry, as_entry
from apps.logs.services import append, ask_counters, recorded

_random = SystemRandom()


def open_deliveries(
    *, events: Sequence[tuple[UUID, UUID]], destinations: Mapping[UUID, Sequence[UUID]], repeated: bool = False
) -> None:
    """One delivery for each (account id, event) and each of the account's destinations. Part of the caller's transaction.

    Opening the same pair twice makes nothing: a batch that is `repeated`, as it has to say, is safe.
    """
    ledger.accepted(events, destinations, repeated=repeated)
    rows = [(account_id, event, own) for account_id, event in events for own in destinations.get(account_id, ())]
    if rows:
        accounts, of_events, to = zip(*rows, strict=True)
        columns = {"id": [uuid7() for _ in rows], "account": accounts, "event": of_events, "destination": to}
        fresh = {name: [value] * len(rows) for name, value in _FRESH.items()}
        insert(Delivery, columns | fresh, ignore_conflicts=True)


def count_opened(number: int) -> None:
    """For operators: so many deliveries were opened, with their slip, by a statement that does all of it."""
    ledger.count({"accepted": number})


_FRESH = {"status": "pending", "reason": "", "attempts": 0, "claims": 0, "lost_leases": 0}


class Entries(Mapping[UUID, Sequence[Entry]]):
    """account id -> what was written of it, consecutive. Made when it is asked for: most accounts are watched by nobody."""

    def __init__(self, logs: Iterable[NewLog] = (), results: Iterable[Result] = ()) -> None:
        self._claims = {result.log_id: result.claim for result in results}
        self._logs: dict[UUID, list[NewLog]] = defaultdict(list)
        for log in logs:
            self._logs[log.account_id].append(log)

    def __getitem__(self, account_id: UUID) -> Sequence[Entry]:
        claims = [(log, self._claims[log.id]) for log in self._logs[account_id]]
        return [as_entry(log, claim.event_id, claim.body) for log, claim in claims]

    def __iter__(self) -> Iterator[UUID]:
        return iter(self._logs)

    def __len__(self) -> int:
        return len(self._logs)


@dataclass(frozen=True, slots=True)
class Recorded:
    """What was written, for the broadcast."""

    entries: Entries


@durable(pipelined=True)
def record(results: Sequence[Result], *, repeated: bool = False) -> Recorded:
    """Writes the outcome of tries: each one's log, the delivery's next state, the account's counter, in one transaction.

    Fenced: who lost the lease meanwhile is logged as `late` and changes nothing, but a success ends what is not final.
    A replay's success ends the delivery that it repeats. What was purged meanwhile is left out.
    `repeated`: an earlier call may have committed without our knowing; what already stands is left alone.
    Locks in the one order: destinations, their gates, counters, deliveries, each by id.
    """
    if repeated:
        known = recorded(log_ids=[result.log_id for result in results])
        results = [result for result in results if result.log_id not in known]
    if not results:
        wait_for_standby()
        return Recorded(Entries())
    if gone := {result.claim.target.id for result in results if retry.disables(result.outcome)}:
        disable(destination_ids=gone, reason="answered 410 Gone")
    gates = lock_gates(results)
    asked = ask_counters(account_ids={result.claim.account_id for result in results})
    repeats = {result.claim.replay_of for result in results if result.outcome.success and result.claim.replay_of}
    ids = repeats | {result.claim.delivery_id for result in results}
    deliveries, now = lock_deliveries(ids)
    counters = asked()
    were_open = [delivery for delivery in deliveries.values() if delivery.is_open]
    results = [result for result in results if result.claim.delivery_id in deliveries and result.claim.account_id in counters]
    changed = _supersede(results, deliveries) | {result.claim.delivery_id for result in results}
    logs = [_apply(result, deliveries[result.claim.delivery_id], now) for result in results]
    settle(gates, results, deliveries, now)
    _save([deliveries[pk] for pk in sorted(changed)], now)
    append(logs=logs, counters=counters)
    ledger.ended(were_open)
    return Recorded(Entries(logs, results))


def _supersede(results: Iterable[Result], deliveries: Mapping[UUID, Locked]) -> set[UUID]:
    """Ends what successful replays repeat. What is in the air goes on, and ends with its try. Returns which have changed."""
    changed = set()
    for result in results:
        first = deliveries.get(result.claim.replay_of) if result.claim.replay_of else None
        if first is None or not result.outcome.success or not deliveries[result.claim.delivery_id].is_open:
            continue
        if first.status == Delivery.Status.PENDING:
            _cancel(first, "replayed")
        first.superseded = True
        changed.add(first.pk)
    return changed


def _cancel(delivery: Delivery | Locked, reason: str) -> None:
    delivery.lease_token = delivery.lease_until = delivery.next_attempt_at = None
    delivery.status, delivery.reason = Delivery.Status.CANCELLED.value, reason


def _save(deliveries: Sequence[Locked], now: datetime) -> None:
    ids, written = [delivery.pk for delivery in deliveries], [now] * len(deliveries)
    update(Delivery, {"id": ids, **columns_of(deliveries, STATE), "updated_at": written})


def _apply(result: Result, delivery: Locked, now: datetime) -> NewLog:
    """Sets the delivery's next state and returns the try's log, still without its cursor."""
    claim, outcome = result.claim, result.outcome
    late = delivery.lease_token != claim.lease_token
    attempt = claim.attempts + 1
    if not late:
        delivery.attempts, delivery.lost_leases = attempt, 0
        step = retry.next_step(outcome, attempt, claim.target.schedule, _random)
        _move(delivery, step, now)
    elif outcome.success and delivery.is_open:
        _move(delivery, retry.Succeeded(), now)
    return _log(result, delivery, attempt, late)


def _move(delivery: Locked, step: retry.Succeeded | retry.RetryAt | retry.GiveUp, now: datetime) -> None:
    delivery.lease_token = delivery.lease_until = delivery.next_attempt_at = None
    match step:
        case retry.Succeeded():
            delivery.status = Delivery.Status.SUCCESS.value
        case retry.RetryAt() if delivery.superseded:
            _cancel(delivery, "replayed")
        case retry.RetryAt(delay_s):
            delivery.status, delivery.queue = Delivery.Status.PENDING.value, Delivery.Queue.LATER.value
            delivery.next_attempt_at = now + timedelta(seconds=delay_s)
        case retry.GiveUp(reason):
            delivery.status, delivery.reason = Delivery.Status.FAILED.value, reason


def _log(result: Result, delivery: Locked, attempt: int, late: bool) -> NewLog:
    claim, outcome = result.claim, result.outcome
    phases = outcome.phases
    return NewLog(
        id=result.log_id,
        account_id=claim.account_id,
        destination_id=claim.target.id,
        event_id=claim.event,
        delivery_id=claim.delivery_id,
        received_timestamp=claim.received_timestamp,
        processed_timestamp=result.sent_at,
        status=(Status.SUCCESS if outcome.success else Status.FAILED).value,
        attempt=attempt,
        max_attempts=len(claim.target.schedule) + 1,
        next_attempt_at=None if late else delivery.next_attempt_at,
        late=late,
        response_status=outcome.response_status,
        latency_ms=outcome.latency_ms,
        error=outcome.error.value,
        response_headers=result.shown.headers,
        response_body=result.shown.body,
        dns_ms=phases.dns_ms,
        connect_ms=phases.connect_ms,
        tls_ms=phases.tls_ms,
        first_byte_ms=phases.first_byte_ms,
    )


def bare(result: Result) -> Result:
    """The same try without anything that the receiver sent, for a result that the database refuses."""
    return Result(result.log_id, result.claim, Outcome(Error.INTERNAL), result.sent_at)


@transaction.atomic
def replay(*, event: Event, by: Member, destination_id: UUID | None = None) -> list[Delivery]:
    """Sends the event again to one of its destinations, or to all that are not deleted: all of it or nothing.

    A delivery that is between tries keeps its schedule; the replay's success ends it. `webhook-id` stays the same.

    Raises:
        NotAllowed: the member's role has no right to it.
        ValidationError: the event has no delivery to a destination with this id.
        Conflict: a try of the event is in the air to one of them, or another replay is open; it names them all.
        TooMany: too many deliveries of the account wait.
    """
    authorise(by.role.role_name, Right.SEND_AGAIN)
    refuse_full(by.account_id)
    firsts = Delivery.objects.filter(event=event, account=by.account_id, replay_of=None, destination__deleted_at=None)
    if destination_id is not None:
        firsts = firsts.filter(destination=destination_id)
    # Locked: two replays come one after the other, and no claim takes one of them meanwhile.
    locked = list(firsts.order_by("pk").select_for_update(no_key=True, of=("self",)))
    if not locked and destination_id is not None:
        raise ValidationError({"destination_id": ["The event has no delivery to such a destination."]})
    if not locked:
        raise Conflict("The event has no delivery to a destination that still exists.")
    # In a statement of its own: one that waited for a lock does not see what was inserted meanwhile.
    open_replays = Delivery.objects.open().filter(event=event, replay_of__isnull=False)
    busy = set(open_replays.values_list("destination_id", flat=True))
    busy |= {first.destination_id for first in locked if first.status == Delivery.Status.DELIVERING}
    if in_the_way := sorted(str(first.destination_id) for first in locked if first.destination_id in busy):
        raise Conflict(f"A try is in the air, or a replay is open, to {', '.join(in_the_way)}.")
    own = {"account_id": by.account_id, "event": event}
    made = [Delivery(**own, destination_id=first.destination_id, replay_of=first.pk) for first in locked]
    try:
        Delivery.objects.bulk_create(made)
    except IntegrityError as error:
        raise Conflict("A bulk replay has sent it again a moment ago.") from error
    ledger.replayed(made)
    only = {"destination_id": str(destination_id)} if destination_id else {}
    _note(by, "event.replayed", event.pk, after=only | {"deliveries": len(made)})
    doorbell.ring_after_commit()
    return made


@transaction.atomic
def cancel(*, delivery: Delivery, by: Member) -> None:
    """Ends a delivery that is not final. A try that is in the air may still arrive; its result is logged as late.

    Raises:
        NotAllowed, Missing.
        Conflict: it is final.
    """
    authorise(by.role.role_name, Right.SEND_AGAIN)
    own = Delivery.objects.filter(pk=delivery.pk, account=by.account_id, account__deleted_at=None)
    locked = own.select_for_update(no_key=True, of=("self",)).first()
    if locked is None:
        raise Missing("No such delivery.")
    if not locked.is_open:
        raise Conflict(f"It is {locked.status} already.")
    before = locked.status
    _cancel(locked, "by_person")
    ledger.ended([locked])
    Delivery.objects.filter(pk=locked.pk).update(**{name: getattr(locked, name) for name in STATE}, updated_at=Now())
    wake([locked.destination_id])
    _note(by, "delivery.cancelled", locked.pk, before={"status": before}, after={"status": locked.status})


def _note(by: Member, action: str, object_id: UUID, **changes: dict[str, Any]) -> None:
    audit.record(account_id=by.account_id, user_id=by.user_id, action=action, object_id=object_id, **changes)
