from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

from rest_framework import serializers

from apps.common.api.serializers import Strict
from apps.deliveries.models import Delivery
from apps.events.api.serializers import EXAMPLE as EVENT_ALONE
from apps.events.api.serializers import EnvelopeSerializer
from apps.logs.api.serializers import TRY, TrySerializer

if TYPE_CHECKING:
    _Deliveries = serializers.ListSerializer[Any]
else:
    _Deliveries = serializers.ListSerializer

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class DeliverySerializer(Strict):
    id = serializers.UUIDField(read_only=True)
    event = serializers.UUIDField(source="event_id", read_only=True, help_text="our id of the event")
    event_id = serializers.CharField(source="event.event_id", read_only=True, help_text="the sender's own")
    destination_id = serializers.UUIDField(read_only=True)
    status = serializers.ChoiceField(choices=Delivery.Status.values, read_only=True)
    reason = serializers.CharField(read_only=True, help_text="why it is failed or cancelled; else empty")
    held = serializers.BooleanField(read_only=True, help_text="it waits for its destination to be resumed, or to work again")
    waits_for = serializers.ChoiceField(
        choices=Delivery.Waits.values,
        read_only=True,
        help_text="what keeps it beside its own time: its destination's pause, breaker, order, or rate and tries at once",
    )
    waits_behind = serializers.UUIDField(
        read_only=True, allow_null=True, help_text="in an ordered destination: the delivery whose turn it is"
    )
    attempts = serializers.IntegerField(read_only=True, help_text="tries with a result")
    max_attempts = serializers.IntegerField(read_only=True)
    next_attempt_at = serializers.DateTimeField(read_only=True, allow_null=True)
    replay_of = serializers.UUIDField(
        read_only=True, allow_null=True, help_text="the first delivery of the pair; null: this is it"
    )
    created_at = serializers.DateTimeField(read_only=True)
    updated_at = serializers.DateTimeField(read_only=True)


class DeliveriesSerializer(_Deliveries):
    child = DeliverySerializer()


def shown(delivery: Delivery) -> dict[str, Any]:
    return dict(DeliverySerializer(delivery).data)


def version_of(delivery: Delivery) -> int:
    """Another after each change of the row, and of what keeps it."""
    kept = Delivery.Waits.values.index(delivery.waits_for), (delivery.waits_behind or UUID(int=0)).int & 0xFFFFFFFF
    return ((delivery.updated_at - _EPOCH) // timedelta(microseconds=1) << 35) + (kept[0] << 32) + kept[1]


DELIVERY = {
    "id": "019a0f2e-6d1d-7c3e-9a52-3f1d8a1b2c3d",
    "event": "019a0f2e-6d1c-7c3e-9a52-3f1d8a1b2c3d",
    "event_id": "order-1042",
    "destination_id": "019a0f2e-1111-7c3e-9a52-3f1d8a1b2c3d",
    "status": "pending",
    "reason": "",
    "held": False,
    "waits_for": "",
    "waits_behind": None,
    "attempts": 1,
    "max_attempts": 10,
    "next_attempt_at": "2026-11-21T10:58:07.131072Z",
    "replay_of": None,
    "created_at": "2026-11-21T10:58:02.123456Z",
    "updated_at": "2026-11-21T10:58:02.143456Z",
}


class DeliveryWithTriesSerializer(DeliverySerializer):
    logs = TrySerializer(many=True, read_only=True, help_text="the newest 10 tries, the newest first")


class EventDetailSerializer(EnvelopeSerializer):
    received_data = serializers.JSONField(read_only=True, help_text="as it came, at any size, digits kept")
    deliveries = DeliveryWithTriesSerializer(many=True, read_only=True, help_text="the first 50")
    deliveries_total = serializers.IntegerField(read_only=True)


EVENT = EVENT_ALONE | {"deliveries": [DELIVERY | {"logs": [TRY]}], "deliveries_total": 1}


class LatencySerializer(Strict):
    """Milliseconds, within 5 % (and 1 ms); null when nothing was sent."""

    p50 = serializers.IntegerField(read_only=True, allow_null=True)
    p95 = serializers.IntegerField(read_only=True, allow_null=True)
    p99 = serializers.IntegerField(read_only=True, allow_null=True)


class TriesSerializer(Strict):
    """Tries that were processed in the range."""

    success = serializers.IntegerField(read_only=True)
    failed = serializers.IntegerField(read_only=True)
    success_rate = serializers.FloatField(read_only=True, allow_null=True, help_text="0 to 1; null without tries")
    latency_ms = LatencySerializer(read_only=True)


class DestinationTriesSerializer(TriesSerializer):
    destination_id = serializers.UUIDField(read_only=True)


class StatsSerializer(TriesSerializer):
    processed_timestamp_after = serializers.DateTimeField(read_only=True, help_text="the range that is counted: whole minutes")
    processed_timestamp_before = serializers.DateTimeField(read_only=True)
    destinations = DestinationTriesSerializer(many=True, read_only=True)
    behind = serializers.IntegerField(read_only=True, help_text="logs not counted yet: 0 unless the worker is away")


TRIES = {"success": 980, "failed": 20, "success_rate": 0.98, "latency_ms": {"p50": 12, "p95": 40, "p99": 97}}
STATS = TRIES | {
    "processed_timestamp_after": "2026-11-20T10:58:00Z",
    "processed_timestamp_before": "2026-11-21T10:59:00Z",
    "destinations": [{"destination_id": "019a0f2e-1111-7c3e-9a52-3f1d8a1b2c3d"} | TRIES],
    "behind": 0,
}
