"""The ledger: accepted = delivered + waiting + failed + cancelled, in deliveries, of all time, for each destination.

Whoever makes or ends deliveries says so here, in the same transaction, when it has locked them. That leaves a slip, which costs
one insert a transaction and locks nothing; a chore adds the slips up (`logs.services.book`).
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from uuid import UUID

from django.db import transaction
from django.db.models import Count

from apps.common.metrics import DELIVERIES
from apps.deliveries.locked import Locked
from apps.deliveries.models import Delivery
from apps.logs.models import EVENTS
from apps.logs.selectors import counted
from apps.logs.services import note

_Key = tuple[UUID, UUID, str]

_ENDS: Mapping[str, str] = {
    Delivery.Status.SUCCESS: "delivered",
    Delivery.Status.FAILED: "failed",
    Delivery.Status.CANCELLED: "cancelled",
}


def accepted(
    events: Sequence[tuple[UUID, UUID]], destinations: Mapping[UUID, Sequence[UUID]], *, repeated: bool = False
) -> None:
    """Of (account, event) and the account's destinations, before their deliveries are inserted.

    `repeated`: some may stand already, with a slip of their own.
    """
    counts = Counter[_Key]()
    for account, number in Counter(account for account, _ in events).items():
        counts[account, EVENTS, "accepted"] = number
        for destination in destinations.get(account, ()):
            counts[account, destination, "accepted"] = number
    if repeated:
        there = Delivery.objects.filter(event__in=[event for _, event in events], replay_of=None)
        rows = list(there.values_list("account_id", "destination_id", "event_id"))
        counts.subtract((account, destination, "accepted") for account, destination, _ in rows)
        counts.subtract((account, EVENTS, "accepted") for account, _ in {(row[0], row[2]) for row in rows})
    _note(counts)


def replayed(deliveries: Iterable[Delivery]) -> None:
    """Of deliveries that are made anew."""
    _note(Counter((each.account_id, each.destination_id, "accepted") for each in deliveries))


def ended(deliveries: Iterable[Delivery | Locked]) -> None:
    """Of those among them, all open until now, that are final by now. They may be unsaved."""
    _note(Counter((each.account_id, each.destination_id, _ENDS[each.status]) for each in deliveries if not each.is_open))


def ended_rows(ids: Sequence[UUID], status: str) -> None:
    """Of open deliveries that end so. One query."""
    rows = Delivery.objects.filter(pk__in=ids).values_list("account_id", "destination_id").annotate(Count("id"))
    _note({(account, destination, _ENDS[status]): count for account, destination, count in rows.order_by()})


def _note(counts: Mapping[_Key, int]) -> None:
    """Leaves the slip. Operators' counters follow once it stands."""
    note(counts=counts)
    steps = Counter[str]()
    for (_, destination, step), number in counts.items():
        if number > 0 and destination is not EVENTS:
            steps[step] += number
    transaction.on_commit(partial(count, steps), robust=True)


def count(steps: Mapping[str, int]) -> None:
    """Operators' counters: what has begun or ended so, once it stands."""
    for step, number in steps.items():
        DELIVERIES.labels(step).inc(number)


def removed(deliveries: Iterable[tuple[UUID, UUID, str]]) -> None:
    """Of final ones that retention takes away: account, destination, status. They stay counted, and are counted as gone."""
    note(counts=Counter((account, destination, f"removed {_ENDS[status]}") for account, destination, status in deliveries))


def differences(account_ids: Iterable[UUID]) -> dict[_Key, tuple[int, int]]:
    """(account, destination, kind) -> what was counted, how many rows there are; where the two are not the same.

    True only in a transaction that sees one moment. Three queries, of which the last reads each delivery's status.
    """
    accounts = set(account_ids)
    ledger, rows = counted(accounts), Counter[_Key]()
    found = Delivery.objects.filter(account__in=accounts).values_list("account_id", "destination_id", "status")
    for account, destination, status, count in found.annotate(Count("id")).order_by():
        rows[account, destination, "accepted"] += count
        if status in _ENDS:
            rows[account, destination, _ENDS[status]] = count
    keys = {key for key in ledger.keys() | rows.keys() if key[1] != EVENTS}
    return {key: (ledger[key], rows[key]) for key in sorted(keys) if ledger[key] != rows[key]}
