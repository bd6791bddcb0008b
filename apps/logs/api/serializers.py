from rest_framework import serializers

from apps.common.api.serializers import Strict
from apps.common.codes import Error
from apps.logs.models import Status


class TimingsSerializer(Strict):
    """How long the parts of a try took, one behind the other, on the connection that it used last."""

    dns_ms = serializers.IntegerField(
        read_only=True, allow_null=True, help_text="look-up of the name; 0: remembered. null: an address, or a kept connection"
    )
    connect_ms = serializers.IntegerField(read_only=True, allow_null=True, help_text="TCP. null: a kept connection")
    tls_ms = serializers.IntegerField(
        read_only=True, allow_null=True, help_text="the handshake. null: http, or a kept connection"
    )
    first_byte_ms = serializers.IntegerField(
        read_only=True, allow_null=True, help_text="from then until the head of the answer was in. null: none came"
    )


class TrySerializer(Strict):
    """What is known of one processed try: a log without what its event holds already."""

    id = serializers.UUIDField(read_only=True)
    cursor = serializers.IntegerField(read_only=True, help_text="the account's dense counter")
    event = serializers.UUIDField(read_only=True, help_text="our id of the event")
    event_id = serializers.CharField(read_only=True, help_text="the sender's own")
    delivery_id = serializers.UUIDField(read_only=True)
    account_id = serializers.UUIDField(read_only=True)
    destination_id = serializers.UUIDField(read_only=True)
    received_timestamp = serializers.DateTimeField(read_only=True, help_text="when the post was stored")
    processed_timestamp = serializers.DateTimeField(read_only=True, help_text="when it was sent, or refused before sending")
    status = serializers.ChoiceField(choices=Status.values, read_only=True)
    attempt = serializers.IntegerField(read_only=True)
    max_attempts = serializers.IntegerField(read_only=True)
    next_attempt_at = serializers.DateTimeField(read_only=True, allow_null=True)
    late = serializers.BooleanField(read_only=True, help_text="the result came after the delivery was given to another worker")
    response_status = serializers.IntegerField(read_only=True, allow_null=True)
    latency_ms = serializers.IntegerField(read_only=True, allow_null=True)
    timings = TimingsSerializer(read_only=True, help_text="null in it: no such part, not reached, or not known")
    error = serializers.ChoiceField(choices=[code.value for code in Error], read_only=True, help_text="empty: success")
    response_headers = serializers.DictField(child=serializers.CharField(allow_blank=True), read_only=True, help_text="masked")
    response_body = serializers.CharField(read_only=True, help_text="the first 1 KiB, masked")


class LogSerializer(TrySerializer):
    """One processed try: the same object in lists, in its own place and in the socket."""

    OPTIONAL = ("received_data_head",)

    received_data = serializers.JSONField(
        read_only=True, allow_null=True, help_text="as it came, digits kept; in lists null over 4 KiB"
    )
    received_data_head = serializers.CharField(
        read_only=True, required=False, help_text="in place of what is over 4 KiB: its first 4 KiB"
    )


TRY = {
    "id": "019a0f2e-7a11-7c3e-9a52-3f1d8a1b2c3d",
    "cursor": 1042,
    "event": "019a0f2e-6d1c-7c3e-9a52-3f1d8a1b2c3d",
    "event_id": "order-1042",
    "delivery_id": "019a0f2e-6d1d-7c3e-9a52-3f1d8a1b2c3d",
    "account_id": "019a0f2e-0000-7c3e-9a52-3f1d8a1b2c3d",
    "destination_id": "019a0f2e-1111-7c3e-9a52-3f1d8a1b2c3d",
    "received_timestamp": "2026-11-21T10:58:02.123456Z",
    "processed_timestamp": "2026-11-21T10:58:02.131072Z",
    "status": "success",
    "attempt": 1,
    "max_attempts": 10,
    "next_attempt_at": None,
    "late": False,
    "response_status": 200,
    "latency_ms": 12,
    "timings": {"dns_ms": 1, "connect_ms": 2, "tls_ms": 5, "first_byte_ms": 4},
    "error": "",
    "response_headers": {"content-type": "text/plain"},
    "response_body": "ok",
}
LOG = TRY | {"received_data": {"order": 1042, "total": 9.5}}
