"""The lists of events and deliveries on pages of the browser: the API's filters, orders and cursors."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from django.http import HttpRequest
from rest_framework.request import Request

from apps.common.api.browsing import Shelf, browse
from apps.common.api.pagination import Listing
from apps.deliveries.api.replays import ReplaysView
from apps.deliveries.api.views import DeliveriesOfAccountView
from apps.deliveries.selectors import deliveries_among, replays_among
from apps.events.api.filters import EventFilters
from apps.events.selectors import events_of, found, head

# As much of an event's data as a row has room for, in bytes.
_HEAD = 160


class _Events(Listing):
    filters = EventFilters
    orders = {"received_timestamp": "received_timestamp"}
    order = "-received_timestamp"

    def alternatives(self, request: Request, queryset: QuerySet[Any]) -> Sequence[QuerySet[Any]]:
        text = request.query_params.get("search", "")
        return [found(queryset, self.kwargs["account_id"], text)] if text else [queryset]


def events(request: HttpRequest, account_id: UUID) -> Shelf:
    """The account's events, with the `head` of their data."""
    return browse(_Events(), request, events_of([account_id]).annotate(head=head(_HEAD)), account_id=account_id)


def deliveries(request: HttpRequest, account_id: UUID) -> Shelf:
    """The account's deliveries."""
    return browse(DeliveriesOfAccountView(), request, deliveries_among([account_id]), account_id=account_id)


def replays(request: HttpRequest, account_id: UUID) -> Shelf:
    """The account's bulk replays."""
    return browse(ReplaysView(), request, replays_among([account_id]), account_id=account_id)
