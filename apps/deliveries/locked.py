"""Deliveries that are locked until the transaction ends, as a result needs them."""

from collections.abc import Iterable
from dataclasses import dataclass, fields
from datetime import datetime
from uuid import UUID

from django.db.models.functions import Now

from apps.common.rows import Reading
from apps.deliveries.models import Delivery
from apps.deliveries.selectors import database_now


@dataclass(slots=True)
class Locked:
    """Not a model: making one of those takes ten times as long."""

    pk: UUID
    account_id: UUID
    destination_id: UUID
    status: str
    queue: int
    reason: str
    attempts: int
    lost_leases: int
    next_attempt_at: datetime | None
    lease_token: UUID | None
    lease_until: datetime | None
    superseded: bool

    @property
    def is_open(self) -> bool:
        return self.status in {Delivery.Status.PENDING, Delivery.Status.DELIVERING}


_NAMES = tuple(each.name for each in fields(Locked))
STATE = _NAMES[3:]
"""What a result may change."""
_rows = Reading(
    lambda ids: Delivery.objects.filter(pk__among=ids).order_by("pk").select_for_update(no_key=True).values_list(Now(), *_NAMES)
)


def lock_deliveries(ids: Iterable[UUID]) -> tuple[dict[UUID, Locked], datetime]:
    """Those that there are, in the order of their ids, and the database's time."""
    rows = _rows(ids)
    return {row[1]: Locked(*row[1:]) for row in rows}, rows[0][0] if rows else database_now()
