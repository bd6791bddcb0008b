from typing import Any

import django_filters
from django.db.models import F, QuerySet

from apps.common.api.filters import Filters, Integer, Moment, at
from apps.deliveries.models import Delivery

REASONS = ("tries_ended", "quarantined", "expired", "url_too_long", "deleted", "replayed", "by_person")


class _RangeFilters(Filters):
    """By which deliveries are also sent again."""

    status = django_filters.ChoiceFilter(choices=Delivery.Status.choices)
    reason = django_filters.ChoiceFilter(choices=[(reason, reason) for reason in REASONS])
    destination_id = django_filters.UUIDFilter()
    created_at_after = Moment("created_at", lookup_expr="gt")
    created_at_before = Moment("created_at", lookup_expr="lt")


class DeliveryFilters(_RangeFilters):
    event = django_filters.UUIDFilter("event_id", help_text="our id of the event")
    event_id = django_filters.CharFilter(method="by_senders_id", max_length=255, help_text="the sender's own")
    created_at = Moment()
    next_attempt_at = Moment("exact", method="among_pending")
    next_attempt_at_after = Moment("gt", method="among_pending")
    next_attempt_at_before = Moment("lt", method="among_pending")

    def by_senders_id(self, deliveries: QuerySet[Delivery], name: str, value: str) -> QuerySet[Delivery]:
        return deliveries.filter(event__account=F("account"), event__event_id=value)

    def among_pending(self, deliveries: QuerySet[Delivery], name: str, value: Any) -> QuerySet[Delivery]:
        """Only what is pending has a due time, and an index by its status."""
        return deliveries.filter(at("next_attempt_at", name, value), status=Delivery.Status.PENDING)


class BulkFilters(_RangeFilters):
    """What the page of a new bulk replay asks for."""

    rate = Integer()


class StatsFilters(Filters):
    processed_timestamp_after = Moment(help_text="from the beginning of this minute; 24 h before the end, unless given")
    processed_timestamp_before = Moment(help_text="until the end of this minute; now, unless given")
