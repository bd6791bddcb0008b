from typing import Any

import orjson
from rest_framework import serializers

from apps.common.api.serializers import Strict
from apps.events.models import Event
from apps.events.selectors import DATA_IN_LISTS_MAX


class EnvelopeSerializer(Strict):
    """An event without its data."""

    id = serializers.UUIDField(read_only=True)
    event_id = serializers.CharField(read_only=True, help_text="the sender's own")
    account_id = serializers.UUIDField(read_only=True)
    received_timestamp = serializers.DateTimeField(read_only=True)
    size = serializers.IntegerField(read_only=True, help_text="bytes of the body")


class EventSerializer(EnvelopeSerializer):
    OPTIONAL = ("received_data_head",)

    received_data = serializers.JSONField(
        read_only=True, allow_null=True, help_text="as it came, digits kept; in lists null over 4 KiB"
    )
    received_data_head = serializers.CharField(
        read_only=True, required=False, help_text="in place of what is over 4 KiB: its first 4 KiB"
    )


EXAMPLE = {
    "id": "019a0f2e-6d1c-7c3e-9a52-3f1d8a1b2c3d",
    "event_id": "order-1042",
    "account_id": "019a0f2e-0000-7c3e-9a52-3f1d8a1b2c3d",
    "received_timestamp": "2026-11-21T10:58:02.123456Z",
    "size": 26,
    "received_data": {"order": 1042, "total": 9.5},
}


def shown(event: Event, body: bytes, *, at_any_size: bool = False) -> dict[str, Any]:
    """The event as the API shows it. `body`: all of it, or one byte more than a list shows."""
    whole = at_any_size or len(body) <= DATA_IN_LISTS_MAX
    data: dict[str, Any] = dict(EnvelopeSerializer(event).data)
    data["received_data"] = orjson.Fragment(body) if whole else None
    if not whole:
        data["received_data_head"] = body[:DATA_IN_LISTS_MAX].decode("utf-8", "ignore")
    return data
