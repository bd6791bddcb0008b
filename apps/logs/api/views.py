"""Logs: what happened, the newest first."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import orjson
from django.db.models import QuerySet
from rest_framework.request import Request
from rest_framework.response import Response

from apps.accounts.selectors import members_of, membership
from apps.common.api.pagination import Listing
from apps.common.api.schema import operation
from apps.common.api.views import Endpoint, resource
from apps.common.errors import Missing
from apps.logs import selectors
from apps.logs.api.filters import LogFilters
from apps.logs.api.serializers import LOG, LogSerializer
from apps.logs.selectors import Entry
from apps.users.selectors import caller


def shown(entry: Entry) -> orjson.Fragment:
    return orjson.Fragment(entry.json)


class LogsOfAccountView(Listing):
    filters = LogFilters
    orders = {name: name for name in ("cursor", "processed_timestamp", "received_timestamp")}
    order = "-cursor"

    @operation(
        "Logs of an account",
        answer=LogSerializer,
        kind="page",
        errors=[400, 404],
        examples={"answer": LOG},
        description="The newest first: by `cursor`, or by the time that is filtered.",
    )
    def get(self, request: Request, account_id: UUID) -> Response:
        member = membership(caller(request), account_id)
        rows = selectors.listed(selectors.logs_of([member.account_id]))
        return self.page(request, rows, lambda log: shown(selectors.listed_entry(log)))

    def order_for(self, request: Request) -> str:
        """The newest first, by the time that is filtered: along its index the page stands together."""
        given = " ".join(request.query_params)
        return next((f"-{name}" for name in ("processed_timestamp", "received_timestamp") if name in given), self.order)

    def alternatives(self, request: Request, queryset: QuerySet[Any]) -> Sequence[QuerySet[Any]]:
        text = request.query_params.get("search", "")
        return selectors.found(queryset, self.kwargs["account_id"], text) if text else [queryset]


class LogView(Endpoint):
    @operation("One log, its data at any size", answer=LogSerializer, versioned=True, examples={"answer": LOG})
    def get(self, request: Request, log_id: UUID) -> Response:
        logs = selectors.logs_of(members_of(caller(request)))
        log = logs.filter(pk=log_id).select_related("event").first()
        if log is None:
            raise Missing("No such log.")
        entry = selectors.as_entry(log, log.event.event_id, bytes(log.event.body), at_any_size=True)
        return resource(request, shown(entry), 1)  # it never changes
