from typing import Any

from rest_framework import serializers

from apps.common.api.serializers import Stamps, Strict
from apps.common.fields import MASK
from apps.destinations.models import Destination


class DestinationSerializer(Stamps):
    """The rules of url, headers and schedule stand in the service; here only their shape."""

    id = serializers.UUIDField(read_only=True)
    account_id = serializers.UUIDField()
    name = serializers.CharField(max_length=255, allow_blank=True, required=False)
    url = serializers.CharField()
    http_method = serializers.ChoiceField(choices=Destination.Method.choices)
    headers = serializers.DictField(child=serializers.CharField(allow_blank=True, trim_whitespace=False), allow_empty=False)
    state = serializers.CharField(read_only=True)
    state_reason = serializers.CharField(read_only=True)
    version = serializers.IntegerField(read_only=True)
    timeout_s = serializers.IntegerField(required=False, min_value=1, max_value=30)
    retry_schedule = serializers.ListField(
        child=serializers.IntegerField(min_value=1, max_value=604_800), max_length=30, allow_null=True, required=False
    )
    signing_secret = serializers.CharField(read_only=True)

    FIXED = ("account_id",)


def shown(destination: Destination, *, values: bool, **more: Any) -> dict[str, Any]:
    """The destination as the API shows it; header values only to who may read them, the secret only where it is given."""
    data = {name: value for name, value in DestinationSerializer(destination).data.items() if name != "signing_secret"}
    if not values:
        data["headers"] = dict.fromkeys(data["headers"], MASK)
    return data | more


class GraceSerializer(Strict):
    grace_seconds = serializers.IntegerField(required=False, default=86_400, min_value=0, max_value=604_800)
