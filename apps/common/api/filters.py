"""Filters of lists: django-filter, strict. What a filter cannot take is 400 and names it."""

from datetime import datetime
from typing import Any

import django_filters
from django import forms
from django.db.models import Q, QuerySet
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request

from apps.common.moments import edges

_BIGINT_MAX = 2**63 - 1


class _MomentField(django_filters.fields.IsoDateTimeField):
    def clean(self, value: Any) -> datetime | None:
        moment: datetime | None = super().clean(value)
        if moment is not None and not 1970 <= moment.year <= 9998:  # what lies outside overflows on its way to UTC
            raise forms.ValidationError("A time between the years 1970 and 9998.")
        return moment


class Moment(django_filters.IsoDateTimeFilter):
    """ISO 8601; without an offset it is UTC. `lookup_expr` is exact, gt or lt.

    SQLite compares times as text, and there its own clock writes three digits of a second where Python writes six, so that
    `.514` is less than `.514000`. A microsecond to either side of the moment says the same and is right on every database.
    """

    field_class = _MomentField

    def filter(self, queryset: QuerySet[Any], value: datetime | None) -> QuerySet[Any]:
        return queryset if value is None else queryset.filter(at(self.field_name, self.lookup_expr, value))


def at(field: str, lookup: str, moment: datetime) -> Q:
    """The condition that the field is `exact`ly, `gt` or `lt` the moment."""
    low, high = edges(moment)
    if lookup == "exact":
        return Q(**{f"{field}__gte": low, f"{field}__lte": high})
    return Q(**{f"{field}__{lookup}": high if lookup == "gt" else low})


class Integer(django_filters.Filter):
    """A whole number from 0 that a bigint column takes."""

    field_class = forms.IntegerField

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, min_value=0, max_value=_BIGINT_MAX, **options)


class Boolean(django_filters.Filter):
    """`true` or `false`."""

    field_class = forms.TypedChoiceField

    def __init__(self, *arguments: Any, **options: Any) -> None:
        choices = [("true", "true"), ("false", "false")]
        super().__init__(*arguments, choices=choices, coerce=lambda text: text == "true", empty_value=None, **options)


class Search(django_filters.CharFilter):
    """`search=`; give it the `method` that looks."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, max_length=200, **options)


class Filters(django_filters.FilterSet):
    """The base of every list's filters. Name each filter after the field that the list shows, `…_after` and `…_before`
    (both exclusive) for ranges."""


class StampFilters(Filters):
    """For what carries the stamps."""

    created_at_after = Moment(field_name="created_at", lookup_expr="gt")
    created_at_before = Moment(field_name="created_at", lookup_expr="lt")
    updated_at_after = Moment(field_name="updated_at", lookup_expr="gt")
    updated_at_before = Moment(field_name="updated_at", lookup_expr="lt")
    created_by = django_filters.UUIDFilter()
    updated_by = django_filters.UUIDFilter()


def filtered(filters: type[Filters], request: Request, queryset: QuerySet[Any], others: frozenset[str]) -> QuerySet[Any]:
    """The queryset, filtered. `others`: the parameters that are no filters.

    Raises:
        ValidationError: a filter is unknown, empty or malformed; it names each.
    """
    found: QuerySet[Any] = _bound(filters, request, queryset, others).qs
    return found


def asked(filters: type[Filters], request: Request, queryset: QuerySet[Any]) -> dict[str, Any]:
    """What the filters say, for an answer that is no list: name -> value, None where it is not given. Raises as `filtered`.

    `queryset`: of what the filters speak; it is not read.
    """
    values: dict[str, Any] = _bound(filters, request, queryset, frozenset()).form.cleaned_data
    return values


def _bound(filters: type[Filters], request: Request, queryset: QuerySet[Any], others: frozenset[str]) -> Filters:
    given = request.query_params
    known = filters.base_filters.keys()
    wrong = {
        name: [f"Unknown filter. Known are {', '.join(sorted(known | others))}."] for name in given.keys() - known - others
    }
    wrong |= {
        name: ["Give a value, or leave the filter out."]
        for name in given.keys() & known
        if not given[name] and name != "search"
    }
    if wrong:
        raise ValidationError(wrong)
    bound = filters(given, queryset=queryset, request=request)
    if not bound.is_valid():
        raise ValidationError(bound.errors)
    return bound
