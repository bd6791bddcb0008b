"""Filters of destinations."""

import django_filters
from django.db.models import Q, QuerySet

from apps.common.api.filters import Boolean, Integer, Search, StampFilters
from apps.destinations.models import Destination


class DestinationFilters(StampFilters):
    account_id = django_filters.UUIDFilter()
    name = django_filters.CharFilter(max_length=255)
    url = django_filters.CharFilter(max_length=2048)
    http_method = django_filters.ChoiceFilter(choices=Destination.Method.choices)
    state = django_filters.ChoiceFilter(choices=Destination.State.choices)
    state_reason = django_filters.CharFilter(max_length=64)
    timeout_s = Integer()
    concurrency = Integer()
    ordered = Boolean()
    search = Search(method="look", help_text="in URL and header names, never in values")

    def look(self, queryset: QuerySet[Destination], _: str, text: str) -> QuerySet[Destination]:
        return queryset.filter(Q(url__icontains=text) | Q(header_names__icontains=text))
