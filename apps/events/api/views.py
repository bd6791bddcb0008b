"""An account's events. One of them, with what became of it, is shown by the deliveries."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from rest_framework.request import Request
from rest_framework.response import Response

from apps.accounts.selectors import membership
from apps.common.api.pagination import Listing
from apps.common.api.schema import operation
from apps.events import selectors
from apps.events.api.filters import EventFilters
from apps.events.api.serializers import EXAMPLE, EventSerializer, shown
from apps.users.selectors import caller


class EventsOfAccountView(Listing):
    filters = EventFilters
    orders = {"received_timestamp": "received_timestamp"}
    order = "-received_timestamp"

    @operation("Events of an account", answer=EventSerializer, kind="page", errors=[400, 404], examples={"answer": EXAMPLE})
    def get(self, request: Request, account_id: UUID) -> Response:
        member = membership(caller(request), account_id)
        rows = selectors.listed(selectors.events_of([member.account_id]))
        return self.page(request, rows, lambda event: shown(event, bytes(event.head)))

    def alternatives(self, request: Request, queryset: QuerySet[Any]) -> Sequence[QuerySet[Any]]:
        text = request.query_params.get("search", "")
        return [selectors.found(queryset, self.kwargs["account_id"], text)] if text else [queryset]
