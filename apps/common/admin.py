"""The operators' site at /admin/: what every page of it keeps to. Who is not staff finds nothing there."""

from collections.abc import Iterable
from functools import cached_property, update_wrapper
from typing import TYPE_CHECKING, Any, ClassVar, cast
from uuid import UUID

from django.conf import settings
from django.contrib import admin
from django.contrib.auth.views import redirect_to_login
from django.core.paginator import Paginator
from django.db.models import Model, Q, QuerySet
from django.http import Http404, HttpRequest, HttpResponse

from apps.common.errors import Missing

if TYPE_CHECKING:
    _ModelAdmin = admin.ModelAdmin[Any]
    _Paginator = Paginator[Any]
else:
    _ModelAdmin, _Paginator = admin.ModelAdmin, Paginator  # generic in the stubs only

# Rows that a list leads through; what lies beyond is found by searching.
_REACH = 1_000


class OperatorSite(admin.AdminSite):
    site_title = site_header = "Data Pusher: operators"

    def register(self, model_or_iterable: Any, admin_class: type[Any] | None = None, **options: Any) -> None:
        """Ours alone: what other packages bring would write around the services and show what we don't look after."""
        if admin_class is not None and issubclass(admin_class, Shown):
            super().register(model_or_iterable, admin_class, **options)

    def admin_view(self, view: Any, cacheable: bool = False) -> Any:
        inner = super().admin_view(view, cacheable)

        def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
            if request.user.is_authenticated and not self.has_permission(request):
                raise Http404
            if any("\0" in value for value in request.GET.values()):  # PostgreSQL fails on it
                raise Http404
            return inner(request, *args, **kwargs)

        return update_wrapper(guarded, inner)

    def login(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """Everybody signs in at one place, where guessing has its limits."""
        if request.user.is_authenticated and not self.has_permission(request):
            raise Http404
        return redirect_to_login(request.GET.get("next", "/admin/"), settings.LOGIN_URL)


class FirstRows(_Paginator):
    """Counts no further than its reach: COUNT(*) of ten million rows takes seconds."""

    @cached_property
    def count(self) -> int:
        rows = cast("QuerySet[Any]", self.object_list)
        return rows.order_by()[:_REACH].count()


class Shown(_ModelAdmin):
    """Read-only, and shows what is named: a column is hidden until somebody names it, and not even read."""

    shown: ClassVar[tuple[str, ...]]
    """What the page of one object shows."""
    reads: ClassVar[tuple[str, ...]] = ()
    """Columns that the methods among them read."""
    by_id: ClassVar[tuple[str, ...]] = ("id",)
    """Columns with UUIDs where a search looks; each has an index."""
    by_text: ClassVar[tuple[str, ...]] = ()
    """Look-ups for any other search; only on tables that stay small."""

    paginator = FirstRows
    show_full_result_count = False
    list_per_page = list_max_show_all = 50
    ordering = ("-id",)
    sortable_by = ()
    actions = None
    search_fields = ("id",)  # shows the box; get_search_results says where it looks
    search_help_text = "An id, as a whole"

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        shown = {*self.shown, *self.list_display, *self.reads}
        columns = [column.name for column in self.model._meta.concrete_fields if shown & {column.name, column.attname}]
        return super().get_queryset(request).only(*columns)

    def get_search_results(self, request: HttpRequest, queryset: QuerySet[Any], search_term: str) -> tuple[QuerySet[Any], bool]:
        term = search_term.strip()
        if not term:
            return queryset, False
        try:
            wanted: Iterable[Q] = [Q(**{name: UUID(term)}) for name in self.by_id]
        except ValueError:
            wanted = [Q(**{lookup: term}) for lookup in self.by_text]
        found = Q(pk__in=[])
        for each in wanted:
            found |= each
        return queryset.filter(found), False

    def get_fields(self, request: HttpRequest, obj: Model | None = None) -> Any:
        return self.shown

    def get_readonly_fields(self, request: HttpRequest, obj: Model | None = None) -> Any:
        return self.shown

    def changeform_view(self, *args: Any, **kwargs: Any) -> Any:
        try:
            return super().changeform_view(*args, **kwargs)
        except Missing as error:
            raise Http404 from error

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False


class Changed(Shown):
    """One field of it can be changed: `changes`, a field of `form`, by `store`, which calls a service."""

    changes: ClassVar[str]

    def get_readonly_fields(self, request: HttpRequest, obj: Model | None = None) -> Any:
        return [name for name in self.shown if name != self.changes]

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return bool(request.user.has_perm(f"{self.opts.app_label}.change_{self.opts.model_name}"))
