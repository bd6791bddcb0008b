"""Deliveries, an event with what became of it, and stats."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import orjson
from django.core.cache import cache
from django.utils import timezone
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from apps.accounts.selectors import members_of, membership
from apps.common.api.filters import asked
from apps.common.api.pagination import Listing
from apps.common.api.schema import operation
from apps.common.api.views import Endpoint, resource
from apps.common.errors import Missing
from apps.deliveries import selectors
from apps.deliveries.api.filters import DeliveryFilters, StatsFilters
from apps.deliveries.api.serializers import (
    DELIVERY,
    EVENT,
    STATS,
    DeliverySerializer,
    EventDetailSerializer,
    StatsSerializer,
    TriesSerializer,
    shown,
    version_of,
)
from apps.events.api.serializers import EnvelopeSerializer
from apps.events.selectors import events_of
from apps.logs.models import Log
from apps.logs.selectors import as_try, newest_log, stats, tries_of, whole_minutes
from apps.users.selectors import caller

# A longer range would add up too many tallies for one answer.
_RANGE_MAX = timedelta(days=31)
_MINUTE = timedelta(minutes=1)
# Seconds that an answer is kept: whoever has a page of stats open asks again within them.
_KEPT_S = 120


class DeliveriesOfAccountView(Listing):
    filters = DeliveryFilters
    orders = {"created_at": "created_at"}

    @operation(
        "Deliveries of an account", answer=DeliverySerializer, kind="page", errors=[400, 404], examples={"answer": DELIVERY}
    )
    def get(self, request: Request, account_id: UUID) -> Response:
        member = membership(caller(request), account_id)
        return self.page(request, selectors.deliveries_among([member.account_id]), shown)


class DeliveryView(Endpoint):
    @operation("One delivery", answer=DeliverySerializer, versioned=True, examples={"answer": DELIVERY})
    def get(self, request: Request, delivery_id: UUID) -> Response:
        delivery = selectors.deliveries_among(members_of(caller(request))).filter(pk=delivery_id).first()
        if delivery is None:
            raise Missing("No such delivery.")
        return resource(request, shown(delivery), version_of(delivery))


class EventView(Endpoint):
    @operation(
        "One event, its data at any size, with what became of it",
        answer=EventDetailSerializer,
        versioned=True,
        examples={"answer": EVENT},
        description="Its first 50 deliveries, each with its newest 10 tries. All of them: the account's `deliveries/?event=` "
        "and `logs/?delivery_id=`.",
    )
    def get(self, request: Request, event_id: UUID) -> Response:
        event = events_of(members_of(caller(request))).defer(None).filter(pk=event_id).first()
        if event is None:
            raise Missing("No such event.")
        story, total = selectors.story_of(event)
        data: dict[str, Any] = dict(EnvelopeSerializer(event).data)
        data["received_data"] = orjson.Fragment(bytes(event.body))
        data["deliveries"] = [
            shown(delivery) | {"logs": [as_try(log, event.event_id) for log in tries]} for delivery, tries in story
        ]
        # A sum: it differs as soon as one of the versions does.
        return resource(request, data | {"deliveries_total": total}, total + sum(version_of(each) for each, _ in story))


class StatsView(Endpoint):
    @operation(
        "Stats of an account: tries by status, success rate and latency, of all destinations and of each",
        answer=StatsSerializer,
        errors=[400, 404],
        examples={"answer": STATS},
    )
    def get(self, request: Request, account_id: UUID) -> Response:
        member = membership(caller(request), account_id)
        start, end = _range(asked(StatsFilters, request, Log.objects.none()))
        return Response(_answer(member.account_id, start, end))


def _answer(account_id: UUID, start: datetime, end: datetime) -> dict[str, Any]:
    """From the cache, where it stands beside the log that was the newest when it was counted: the tries of a range change with
    a newer log alone. What is kept is so right in every process, however old, and whatever a cache has lost."""
    key, newest = f"stats:{account_id}:{start:%Y%m%d%H%M}:{end:%Y%m%d%H%M}", str(newest_log(account_id))
    kept = cache.get(key)
    if kept is not None and kept["newest"] == newest:
        answer: dict[str, Any] = kept["answer"]
        return answer
    answer = _counted(account_id, start, end)
    if not answer["behind"]:
        cache.set(key, {"newest": newest, "answer": answer}, _KEPT_S)
    return answer


def _counted(account_id: UUID, start: datetime, end: datetime) -> dict[str, Any]:
    found = stats(account_id, start, end)
    destinations = sorted({destination for destination, _, _ in found.counts})
    each = [(destination, tries_of(found.counts, destination)) for destination in destinations]
    return {
        "processed_timestamp_after": start.isoformat(),
        "processed_timestamp_before": end.isoformat(),
        **TriesSerializer(tries_of(found.counts)).data,
        "destinations": [{"destination_id": str(pk), **TriesSerializer(tries).data} for pk, tries in each],
        "behind": found.behind,
    }


def _range(given: dict[str, datetime | None]) -> tuple[datetime, datetime]:
    """Whole minutes that hold what was asked for."""
    until = given["processed_timestamp_before"] or timezone.now()
    since = given["processed_timestamp_after"] or until - timedelta(days=1)
    if since > until:
        raise ValidationError({"processed_timestamp_after": ["It is later than processed_timestamp_before."]})
    start, end = whole_minutes(since, until)
    if end - start > _RANGE_MAX + _MINUTE:
        raise ValidationError({"processed_timestamp_after": [f"At most {_RANGE_MAX.days} days before the end."]})
    return start, end
