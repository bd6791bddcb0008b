from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from apps.common.api.serializers import Line, Stamps, Strict
from apps.common.codes import Error
from apps.common.fields import MASK
from apps.destinations.models import Destination, Gate
from apps.destinations.validators import CONCURRENCY_MAX, HEADER_VALUE_MAX, HEADERS_MAX, RATE_MAX, RATE_MIN, URL_MAX

_VALUE = {"type": "string", "maxLength": HEADER_VALUE_MAX}


@extend_schema_field({"type": "string", "format": "uri", "minLength": 1, "maxLength": URL_MAX})
class Url(serializers.CharField):
    """http or https; the service has its rules."""


@extend_schema_field({"type": "object", "minProperties": 1, "maxProperties": HEADERS_MAX, "additionalProperties": _VALUE})
class Headers(serializers.DictField):
    """Name -> value; the service has their rules."""

    child = serializers.CharField(allow_blank=True, trim_whitespace=False)


class Rate(serializers.FloatField):
    def to_internal_value(self, data: Any) -> float:
        try:
            return super().to_internal_value(data)
        except OverflowError:  # a whole number of 400 digits
            return self.fail("max_value", max_value=RATE_MAX)


class BreakerSerializer(Strict):
    state = serializers.ChoiceField(choices=Gate.Breaker.values, read_only=True, source="breaker")
    reason = serializers.SerializerMethodField(help_text="the last failure's `error`, as in logs; empty while it is closed")
    response_status = serializers.SerializerMethodField(help_text="of that failure")
    since = serializers.SerializerMethodField(help_text="null while it is closed")
    next_probe_at = serializers.DateTimeField(
        read_only=True, allow_null=True, source="probe_at", help_text="while it is open: when one delivery is tried again"
    )

    @extend_schema_field(serializers.ChoiceField(choices=[each.value for each in Error]))
    def get_reason(self, gate: Gate) -> str:
        return gate.error if gate.turned else ""

    @extend_schema_field(serializers.IntegerField(allow_null=True))
    def get_response_status(self, gate: Gate) -> int | None:
        return gate.response_status if gate.turned else None

    @extend_schema_field(serializers.DateTimeField(allow_null=True))
    def get_since(self, gate: Gate) -> str | None:
        return serializers.DateTimeField().to_representation(gate.since) if gate.turned else None


class DestinationSerializer(Stamps):
    """The rules of url, headers and schedule stand in the service; here only their shape."""

    id = serializers.UUIDField(read_only=True)
    account_id = serializers.UUIDField()
    name = Line(max_length=255, allow_blank=True, required=False, help_text="the URL's host unless given")
    url = Url(help_text="http or https, without user name, password or fragment; leads to a public address")
    http_method = serializers.ChoiceField(choices=Destination.Method.values)
    headers = Headers(
        allow_empty=False, help_text="what each request carries; a value that reads ******** keeps the stored one"
    )
    state = serializers.ChoiceField(choices=Destination.State.values, read_only=True)
    state_reason = serializers.CharField(read_only=True)
    version = serializers.IntegerField(read_only=True)
    breaker = BreakerSerializer(
        read_only=True, help_text="it opens after 10 failures in a row; then deliveries wait and use up no tries"
    )
    timeout_s = serializers.IntegerField(required=False, min_value=1, max_value=30, help_text="seconds; 15 unless given")
    retry_schedule = serializers.ListField(
        child=serializers.IntegerField(min_value=1, max_value=604_800),
        min_length=1,
        max_length=30,
        allow_null=True,
        required=False,
        help_text="seconds before each further try; null: RETRY_SCHEDULE",
    )
    rate_limit = Rate(
        min_value=RATE_MIN, max_value=RATE_MAX, allow_null=True, required=False, help_text="requests a second; null: no limit"
    )
    concurrency = serializers.IntegerField(
        min_value=1, max_value=CONCURRENCY_MAX, allow_null=True, required=False, help_text="tries at once; null: no limit"
    )
    ordered = serializers.BooleanField(
        required=False,
        help_text="one at a time, whatever `concurrency` says, in the order of acceptance; a retry holds those behind it",
    )

    FIXED = ("account_id",)


class NewDestinationSerializer(DestinationSerializer):
    """What a write takes, and what the creation answers."""

    signing_secret = serializers.CharField(read_only=True)


class SecretSerializer(Strict):
    signing_secret = serializers.CharField(read_only=True, help_text="whsec_…, as Standard Webhooks libraries take it")


def shown(destination: Destination, *, values: bool, **more: Any) -> dict[str, Any]:
    """The destination as the API shows it; header values only to who may read them, the secret only where it is given."""
    data = dict(DestinationSerializer(destination).data)
    if not values:
        data["headers"] = dict.fromkeys(data["headers"], MASK)
    return data | more


class SecretGraceSerializer(Strict):
    grace_seconds = serializers.IntegerField(required=False, default=86_400, min_value=0, max_value=604_800)


DESTINATION_WRITE: dict[str, Any] = {
    "account_id": "0198c1f4-9a3e-7c21-8f53-6d2b7a0c9e11",
    "name": "Billing",
    "url": "https://billing.example/hook",
    "http_method": "POST",
    "headers": {"X-Key": "a-key-of-theirs"},
}
DESTINATION: dict[str, Any] = DESTINATION_WRITE | {
    "id": "0198c1f5-2c11-7e0a-a4d9-7b3f58e6c210",
    "state": "active",
    "state_reason": "",
    "version": 1,
    "timeout_s": 15,
    "retry_schedule": None,
    "rate_limit": None,
    "concurrency": None,
    "ordered": False,
    "breaker": {"state": "closed", "reason": "", "response_status": None, "since": None, "next_probe_at": None},
    "created_at": "2026-11-02T09:32:00.000000Z",
    "updated_at": "2026-11-02T09:32:00.000000Z",
    "created_by": "0198c1f4-5b7d-7d10-9c3e-0a4f6e21b8c3",
    "updated_by": "0198c1f4-5b7d-7d10-9c3e-0a4f6e21b8c3",
}
SECRET = {"signing_secret": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"}
