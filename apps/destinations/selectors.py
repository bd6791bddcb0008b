"""Every read of destinations."""

from collections.abc import Iterable
from uuid import UUID

from django.db.models import Count, FilteredRelation, Q, QuerySet

from apps.accounts.models import Account, Token
from apps.common.errors import Missing
from apps.common.rows import Reading
from apps.destinations.models import Destination


def visible(account_ids: Iterable[UUID]) -> QuerySet[Destination]:
    """The destinations of these accounts."""
    return Destination.objects.alive().filter(account__in=list(account_ids)).select_related("gate")


def destinations_of(account: Account) -> list[Destination]:
    """The account's destinations, oldest first."""
    return list(Destination.objects.alive().filter(account=account).select_related("gate").order_by("id"))


def names_of(account: Account) -> list[tuple[UUID, str]]:
    """(id, name) of the account's destinations, by name. One query, which reads no secret."""
    return list(Destination.objects.alive().filter(account=account).order_by("name", "id").values_list("id", "name"))


def destination_of(account: Account, destination_id: UUID) -> Destination:
    """Raises Missing when the account has no such destination."""
    destination = Destination.objects.alive().filter(account=account, pk=destination_id).select_related("gate").first()
    if destination is None:
        raise Missing("No such destination.")
    return destination


_counts = Reading(
    lambda ids: Destination.objects.alive().filter(account__among=ids).values_list("account_id").annotate(count=Count("id"))
)


def counts(account_ids: Iterable[UUID]) -> dict[UUID, int]:
    """account id -> how many destinations it has, for those that have any. One query."""
    return dict(_counts(account_ids))


_ways = Reading(
    lambda digests: (
        Token.objects.alive()
        .filter(digest__among=digests)
        .annotate(way=FilteredRelation("account__destinations", condition=Q(account__destinations__deleted_at=None)))
        .order_by("digest", "way__id")
        .values_list("digest", "account_id", "way__id")
    )
)


def ways(token_digests: Iterable[bytes]) -> dict[bytes, tuple[UUID, list[UUID]]]:
    """Token digest -> its account and the account's destinations, whatever their state, less the deleted ones. One query.

    Only of tokens that are valid now. An account that is deleted right after it was read keeps its destinations here: what is
    stored for it then has its deliveries.
    """
    found: dict[bytes, tuple[UUID, list[UUID]]] = {}
    for digest, account_id, destination_id in _ways(token_digests):
        _, to = found.setdefault(bytes(digest), (account_id, []))
        if destination_id is not None:
            to.append(destination_id)
    return found
