"""A list of the API on a page of the browser: the same filters (an empty one is none), orders and cursors."""

from dataclasses import dataclass, field
from typing import Any

from django.db.models import QuerySet
from django.http import HttpRequest
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request

from apps.common.api.pagination import Listing
from apps.common.errors import Missing


@dataclass(frozen=True, slots=True)
class Shelf:
    """A page of the list. With `errors` (filter -> messages) there are no rows: something typed into a filter is malformed."""

    rows: list[Any] = field(default_factory=list)
    links: dict[str, Any] = field(default_factory=dict)
    errors: dict[str, list[str]] = field(default_factory=dict)
    filtered: bool = False

    def elsewhere(self, *fields: str) -> dict[str, list[str]]:
        """The errors of filters that are none of these: the page has no field for them, so they came with the address."""
        return {name: said for name, said in self.errors.items() if name not in fields}

    @property
    def status(self) -> int:
        return 400 if self.errors else 200


def browse(listing: Listing, request: HttpRequest, queryset: QuerySet[Any], **kwargs: Any) -> Shelf:
    """`kwargs`: what the route of the API's view has.

    Raises:
        Missing: cursor, order or page size is malformed; none of our links leads there.
    """
    chosen = listing.filters(request.GET, queryset=queryset)
    if not chosen.is_valid():
        return Shelf(errors={name: [str(each) for each in messages] for name, messages in chosen.errors.items()})
    listing.kwargs, asked = kwargs, Request(request)
    try:
        rows, links = listing.rows(asked, *listing.alternatives(asked, chosen.qs))
    except ValidationError as error:
        raise Missing("No such page.") from error
    return Shelf(rows, links, filtered=any(request.GET.get(name) for name in chosen.filters))
