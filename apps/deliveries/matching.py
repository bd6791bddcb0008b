"""Which deliveries a bulk replay means, some at a time.

However many lie in its range, and however few of them match, a statement reads a bounded number of rows: those that come next
in the index that fits best. What this index does not know is looked at afterwards.
"""

from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from django.db.models import Count, Q, QuerySet

from apps.common.moments import edges
from apps.deliveries.jobs import Replay
from apps.deliveries.models import Delivery

# Rows of one statement of a count: some milliseconds. And of a whole count: some 100 ms, for which somebody waits.
_PIECE = 5_000
COUNTED_MAX = 100_000

Position = tuple[datetime, UUID]


class Met(NamedTuple):
    """A delivery that a job meets on its way. No model: a step may read a thousand."""

    id: UUID
    created_at: datetime
    event_id: UUID
    destination_id: UUID
    status: str
    reason: str
    replay_of: UUID | None

    @property
    def pair(self) -> tuple[UUID, UUID]:
        return self.event_id, self.destination_id

    @property
    def first(self) -> UUID:
        """The first delivery of its pair."""
        return self.replay_of or self.id


def next_of(job: Replay, limit: int) -> list[Met]:
    """The next `limit` deliveries after the job's position; `fits` says which of them match."""
    position = None if job.position_at is None or job.position_id is None else (job.position_at, job.position_id)
    return [Met(*row) for row in _walked(job, position).values_list(*Met._fields)[:limit]]


def fits(job: Replay, met: Met) -> bool:
    """Whether it matches; of the range it is already."""
    return (
        job.status in {"", met.status} and job.reason in {"", met.reason} and job.destination_id in {None, met.destination_id}
    )


def count(job: Replay) -> tuple[int, bool]:
    """How many deliveries match, and whether that is all of them: counting stops when it has looked at 100,000."""
    wanted = {"status": job.status, "reason": job.reason, "destination": job.destination_id}
    matching = Count("pk", filter=Q(**{name: value for name, value in wanted.items() if value}) or None)
    total, position = 0, None
    for _ in range(COUNTED_MAX // _PIECE):
        rows = _walked(job, position)
        last: Position | None = rows[_PIECE - 1 : _PIECE].values_list("created_at", "pk").first()
        total += rows[:_PIECE].aggregate(matching=matching)["matching"]
        if last is None:
            return total, True
        position = last
    return total, False


def _walked(job: Replay, after: Position | None) -> QuerySet[Delivery]:
    """In the order in which they were made. All that is asked of the database here stands in one index, whichever it takes."""
    rows = Delivery.objects.filter(account=job.account_id)
    if job.reason:
        rows = rows.filter(reason=job.reason)
    elif job.status not in {"", Delivery.Status.SUCCESS}:
        rows = rows.filter(status=job.status)
    elif job.destination_id is not None:
        rows = Delivery.objects.filter(destination=job.destination_id)  # of the account: that was seen when it began
    rows = rows.filter(created_at__lt=edges(job.created_before)[0])
    if job.created_after is not None:
        rows = rows.filter(created_at__gt=edges(job.created_after)[1])
    if after is not None:
        first, last = edges(after[0])
        rows = rows.filter(Q(created_at__gt=last) | Q(pk__gt=after[1]), created_at__gte=first)
    return rows.order_by("created_at", "id")
