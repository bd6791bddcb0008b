"""What waits for a closed destination lies aside, where claims do not look, and comes back when the destination is resumed.

Nothing is stranded. Who puts aside holds the destination and has seen it closed; who resumes waits for that, and leaves a mark
in the same transaction; who works off the mark sees all that was put aside before.
"""

from collections.abc import Iterable
from uuid import UUID

from django.db import transaction
from django.db.models import Q
from django.db.models.functions import Now

from apps.common.batches import BATCH
from apps.common.lanes import in_turn
from apps.deliveries.admission import hint
from apps.deliveries.models import Delivery, Opening
from apps.destinations.models import Destination, Gate

# Marks looked at in one transaction; each costs two queries.
_OPENINGS = 50


def put_aside(destination_ids: Iterable[UUID]) -> int:
    """Moves what is ready for those of them that are closed, or limited and have not let it through: 1,000 at most, and what a
    turn allows. Part of the claim's transaction. Returns how many.

    The claim holds deliveries already, so it never waits for a destination or its gate: one that is held by somebody else has
    its turn with the next claim.
    """
    closed = Destination.objects.filter(pk__in=set(destination_ids)).exclude(state=Destination.State.ACTIVE).order_by("pk")
    locked = set(closed.select_for_update(no_key=True, skip_locked=True).values_list("pk", flat=True))
    gates = Gate.objects.filter(pk__in=set(destination_ids) - locked).order_by("pk")
    limited = {gate.pk: gate for gate in gates.select_for_update(no_key=True, skip_locked=True) if gate.is_limited}
    if not locked and not limited:
        return 0
    # What was replayed meanwhile is for the claim to cancel.
    ready = Delivery.objects.ready().filter(superseded=False, destination__in=locked | limited.keys())
    ready = ready.filter(Q(destination__in=locked) | Q(slot=None))
    found = ready.select_for_update(no_key=True, skip_locked=True, of=("self",)).values_list("pk", "destination_id")
    moved = dict(found[: in_turn(BATCH)])
    Delivery.objects.filter(pk__in=moved).update(queue=Delivery.Queue.HELD)
    # One that has a time to be looked at would not let these through before it.
    idle = limited.keys() & {pk for pk in moved.values() if pk in limited and limited[pk].wake_at is None}
    if idle:
        Gate.objects.filter(pk__in=idle).update(wake_at=Now())
    if limited:
        hint()
    return len(moved)


def mark_opening(*, destination_id: UUID) -> None:
    """Has the held deliveries of a resumed destination brought back. Part of the caller's transaction."""
    Opening.objects.create(destination_id=destination_id)


@transaction.atomic
def bring_back() -> int:
    """Makes held deliveries of resumed destinations ready, oldest first, 1,000 at a time. Returns how many.

    One that is paused again meanwhile stops it; to resume it once more leaves another mark.
    """
    moved = 0
    for opening in Opening.objects.order_by("id").select_for_update(skip_locked=True, no_key=True)[:_OPENINGS]:
        if Gate.objects.filter(pk=opening.destination_id).update(wake_at=Now()):
            opening.delete()  # its gate lets them through
            continue
        held = Delivery.objects.filter(
            status=Delivery.Status.PENDING,
            queue=Delivery.Queue.HELD,
            destination=opening.destination_id,
            destination__state=Destination.State.ACTIVE,
        )
        locked = held.order_by("created_at", "event", "id").select_for_update(skip_locked=True, no_key=True, of=("self",))
        ids = list(locked.values_list("pk", flat=True)[: BATCH - moved])
        Delivery.objects.filter(pk__in=ids).update(queue=Delivery.Queue.READY)
        moved += len(ids)
        if moved >= BATCH:
            break
        if not held.exists():
            opening.delete()
    return moved
