from typing import Any

import django_filters
from django.db.models import QuerySet

from apps.common.api.filters import Filters, Integer, Moment, Search
from apps.events.models import Event


class EventFilters(Filters):
    event_id = django_filters.CharFilter(max_length=255, help_text="the sender's own")
    received_timestamp = Moment()
    received_timestamp_after = Moment("received_timestamp", lookup_expr="gt")
    received_timestamp_before = Moment("received_timestamp", lookup_expr="lt")
    size = Integer(help_text="bytes")
    size_after = Integer("size", lookup_expr="gt")
    size_before = Integer("size", lookup_expr="lt")
    search = Search(method="left_to_the_view", help_text="words, or their beginnings, of event id and payload")

    def left_to_the_view(self, events: QuerySet[Event], name: str, value: Any) -> QuerySet[Event]:
        """It needs the account."""
        return events
