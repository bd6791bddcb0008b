"""Every read of destinations."""

from collections import defaultdict
from collections.abc import Iterable
from uuid import UUID

from django.db.models import QuerySet

from apps.accounts.models import Account
from apps.common.errors import Missing
from apps.destinations.models import Destination


def visible(account_ids: Iterable[UUID]) -> QuerySet[Destination]:
    """The destinations of these accounts."""
    return Destination.objects.alive().filter(account__in=list(account_ids))


def destinations_of(account: Account) -> list[Destination]:
    """The account's destinations, oldest first."""
    return list(Destination.objects.alive().filter(account=account).order_by("id"))


def destination_of(account: Account, destination_id: UUID) -> Destination:
    """Raises Missing when the account has no such destination."""
    destination = Destination.objects.alive().filter(account=account, pk=destination_id).first()
    if destination is None:
        raise Missing("No such destination.")
    return destination


def ids_by_account(account_ids: Iterable[UUID]) -> dict[UUID, list[UUID]]:
    """account id -> its destinations, whatever their state, less the deleted ones. One query."""
    found: dict[UUID, list[UUID]] = defaultdict(list)
    rows = Destination.objects.alive().filter(account__in=list(account_ids)).order_by("account_id", "id")
    for account_id, destination_id in rows.values_list("account_id", "id"):
        found[account_id].append(destination_id)
    return found
