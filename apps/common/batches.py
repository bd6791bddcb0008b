"""Deleting many rows in small steps: a transaction holds at most 1,000, so that nobody waits for it."""

from typing import Any

from django.db import transaction
from django.db.models import QuerySet

BATCH = 1000


@transaction.atomic
def delete_some(rows: QuerySet[Any], limit: int = BATCH) -> int:
    """Deletes up to `limit` of the rows, in no order. Returns how many; 0: none are left."""
    ids = list(rows.order_by().values_list("pk", flat=True)[:limit])
    # Only the key: Django reads the rows of a table to which others refer, and an event may have 16 MiB.
    rows.model._default_manager.filter(pk__in=ids).only("pk").delete()
    return len(ids)
