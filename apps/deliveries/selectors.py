"""Every read of deliveries."""

from uuid import UUID

from django.db.models import Count

from apps.accounts.models import Account
from apps.deliveries.models import Delivery


def waiting_by_destination(account: Account) -> dict[UUID, int]:
    """destination id -> its open deliveries, for the account's destinations that have any. One query."""
    rows = Delivery.objects.open().filter(account=account).values_list("destination_id").annotate(Count("id"))
    return dict(rows.values_list("destination_id", "id__count"))
