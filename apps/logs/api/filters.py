from typing import Any

import django_filters
from django.db.models import F, QuerySet
from rest_framework.exceptions import ValidationError

from apps.common.api.filters import Boolean, Filters, Integer, Moment, Search
from apps.common.codes import Error
from apps.logs.models import Log, Status

_DIGITS_MAX = 18  # of a bigint


class LogFilters(Filters):
    destination_id = django_filters.UUIDFilter()
    event = django_filters.UUIDFilter("event_id", help_text="our id of the event")
    event_id = django_filters.CharFilter(method="by_senders_id", max_length=255, help_text="the sender's own")
    delivery_id = django_filters.UUIDFilter()
    status = django_filters.ChoiceFilter(choices=Status.choices)
    error = django_filters.ChoiceFilter(choices=[(code.value, code.value) for code in Error if code])
    response_status = Integer()
    late = Boolean()
    attempt = Integer()
    received_timestamp = Moment()
    received_timestamp_after = Moment("received_timestamp", lookup_expr="gt")
    received_timestamp_before = Moment("received_timestamp", lookup_expr="lt")
    processed_timestamp = Moment()
    processed_timestamp_after = Moment("processed_timestamp", lookup_expr="gt")
    processed_timestamp_before = Moment("processed_timestamp", lookup_expr="lt")
    cursor = django_filters.CharFilter(
        method="by_number", help_text="a log's own number; or from `next` or `previous`, where a page begins"
    )
    cursor_after = Integer("cursor", lookup_expr="gt")
    cursor_before = Integer("cursor", lookup_expr="lt")
    search = Search(method="left_to_the_view", help_text="words, or their beginnings, of event id, payload and error")

    def by_senders_id(self, logs: QuerySet[Log], name: str, value: str) -> QuerySet[Log]:
        return logs.filter(event__account=F("account"), event__event_id=value)

    def by_number(self, logs: QuerySet[Log], name: str, value: str) -> QuerySet[Log]:
        """What is no number is where a page begins, which the list reads."""
        if not (value.isascii() and value.isdigit()):
            return logs
        if len(value) > _DIGITS_MAX:
            raise ValidationError({"cursor": [f"At most {_DIGITS_MAX} digits."]})
        return logs.filter(cursor=int(value))

    def left_to_the_view(self, logs: QuerySet[Log], name: str, value: Any) -> QuerySet[Log]:
        """It needs the account, and may be two lists in one."""
        return logs
