"""Lists: newest first, by cursor, so that a list that grows meanwhile shows nothing twice."""

from collections.abc import Callable
from typing import Any

from django.db.models import QuerySet
from rest_framework.exceptions import NotFound, ValidationError
from rest_framework.pagination import CursorPagination
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from apps.common.api.views import Endpoint

PAGE_MAX = 200


class Pages(CursorPagination):
    page_size = 50
    page_size_query_param = "page_size"
    ordering = "-id"  # UUIDv7: by time

    def paginate_queryset(self, queryset: Any, request: Request, view: APIView | None = None) -> list[Any] | None:
        if unknown := sorted(request.query_params.keys() - {"cursor", "page_size"}):
            raise ValidationError({name: ["Unknown filter."] for name in unknown})
        try:
            return super().paginate_queryset(queryset, request, view)
        except NotFound:
            raise ValidationError({"cursor": ["Malformed; take it from `next` or `previous`."]}) from None

    def get_page_size(self, request: Request) -> int:
        given = request.query_params.get("page_size", str(self.page_size))
        if not (given.isascii() and given.isdigit() and 1 <= int(given[:9]) <= PAGE_MAX):
            raise ValidationError({"page_size": [f"A whole number from 1 to {PAGE_MAX}."]})
        return int(given)

    def get_paginated_response(self, data: Any) -> Response:
        return Response({"next": self.get_next_link(), "previous": self.get_previous_link(), "results": data})


class Listing(Endpoint):
    """An endpoint that answers with pages of a queryset."""

    def page(self, request: Request, queryset: QuerySet[Any], show: Callable[[Any], Any]) -> Response:
        pages = Pages()
        rows = pages.paginate_queryset(queryset, request, self) or []
        return pages.get_paginated_response([show(row) for row in rows])
