"""Lists by cursor: a list that grows meanwhile shows nothing twice, and page 1,000 costs what page 1 does."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar
from urllib.parse import urlencode

from django.core import signing
from django.db.models import Q, QuerySet
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from apps.common.api.filters import Filters, filtered
from apps.common.api.views import Endpoint
from apps.common.moments import edges

PAGE_SIZE = 50
PAGE_MAX = 200
PARAMETERS = frozenset({"cursor", "page_size", "ordering"})
_SALT = "datapusher.cursor"


@dataclass(frozen=True, slots=True)
class _Cursor:
    """Where a page begins: beyond the row with this value and id, in this order."""

    order: str
    value: Any
    id: str
    back: bool
    is_moment: bool = False

    def text(self) -> str:
        """Signed: what comes back is what we gave, so that its values fit their columns."""
        is_moment = isinstance(self.value, datetime)
        value = self.value.isoformat() if is_moment else str(self.value)
        return signing.dumps([self.order, value, self.id, self.back, is_moment], salt=_SALT, compress=True)


class Listing(Endpoint):
    """An endpoint that answers with pages of a queryset.

    `orders`: what `ordering=` takes -> the field, which is never null and has an index after the account. `created_at` is the
    id: a UUIDv7 goes by time, and no two rows have the same.
    """

    filters: ClassVar[type[Filters]] = Filters
    orders: ClassVar[Mapping[str, str]] = {"created_at": "id"}
    order: ClassVar[str] = "-created_at"

    def page(self, request: Request, queryset: QuerySet[Any], show: Callable[[Any], Any]) -> Response:
        rows, links = self.rows(request, *self.alternatives(request, filtered(self.filters, request, queryset, PARAMETERS)))
        return Response(links | {"results": [show(row) for row in rows]})

    def alternatives(self, request: Request, queryset: QuerySet[Any]) -> Sequence[QuerySet[Any]]:
        """What stands in any of these is listed: an OR whose sides need different indexes, which no database plans well."""
        return [queryset]

    def order_for(self, request: Request) -> str:
        """The order where none is asked for."""
        return self.order

    def rows(self, request: Request, *alternatives: QuerySet[Any]) -> tuple[list[Any], dict[str, Any]]:
        """The page's rows, and the links to the next and the previous page."""
        size = _page_size(request)
        order = request.query_params.get("ordering", self.order_for(request))
        if order.removeprefix("-") not in self.orders:
            allowed = ", ".join(sorted(self.orders))
            raise ValidationError({"ordering": [f"One of {allowed}, with - before it for descending."]})
        field = self.orders[order.removeprefix("-")]
        cursor = _cursor(request, order, self.filters)
        back = cursor is not None and cursor.back
        descending = order.startswith("-") is not back
        beyond = Q() if cursor is None else _beyond(field, cursor, descending)
        sign = "-" if descending else ""
        columns = list(dict.fromkeys([sign + field, f"{sign}id"]))
        found = {row.pk: row for each in alternatives for row in each.filter(beyond).order_by(*columns)[: size + 1]}
        if len(alternatives) > 1:
            found = dict(sorted(found.items(), key=lambda item: (_value(item[1], field), item[0]), reverse=descending))
        more, rows = len(found) > size, list(found.values())[:size]
        if back:
            rows.reverse()

        def link(row: Any, *, backwards: bool) -> str:
            return _link(request, _Cursor(order, _value(row, field), str(row.pk), backwards))

        onward = link(rows[-1], backwards=False) if rows and (more or back) else None
        before = link(rows[0], backwards=True) if rows and (more if back else cursor is not None) else None
        return rows, {"next": onward, "previous": before}


def _value(row: Any, field: str) -> Any:
    for name in field.split("__"):
        row = getattr(row, name)
    return row


def _beyond(field: str, cursor: _Cursor, descending: bool) -> Q:
    side = "lt" if descending else "gt"
    if field == "id":
        return Q(**{f"id__{side}": cursor.id})
    low, high = edges(datetime.fromisoformat(cursor.value)) if cursor.is_moment else (cursor.value, cursor.value)
    first, last = (low, high) if descending else (high, low)
    # The first condition follows from the second; the index begins there.
    after_it = Q(**{f"{field}__{side}": first}) | Q(**{f"id__{side}": cursor.id})
    return Q(**{f"{field}__{side}e": last}) & after_it


def _cursor(request: Request, order: str, filters: type[Filters]) -> _Cursor | None:
    given = request.query_params.get("cursor")
    if given is None or ("cursor" in filters.base_filters and given.isascii() and given.isdigit()):
        return None  # a log's own number; ours is signed text
    try:
        cursor = _Cursor(*signing.loads(given, salt=_SALT))
    except signing.BadSignature:
        raise ValidationError({"cursor": ["Malformed; take it from `next` or `previous`."]}) from None
    if cursor.order != order:
        raise ValidationError({"cursor": [f"It belongs to ordering={cursor.order}."]})
    return cursor


def _page_size(request: Request) -> int:
    given = request.query_params.get("page_size", str(PAGE_SIZE))
    if not (given.isascii() and given.isdigit() and 1 <= int(given[:9]) <= PAGE_MAX):
        raise ValidationError({"page_size": [f"A whole number from 1 to {PAGE_MAX}."]})
    return int(given)


def _link(request: Request, cursor: _Cursor) -> str:
    others = {name: value for name, value in request.query_params.dict().items() if name != "cursor"}
    return request.build_absolute_uri(f"{request.path}?{urlencode(others | {'cursor': cursor.text()})}")
