from typing import Any

from rest_framework import serializers

from apps.accounts.models import Account
from apps.common.api.serializers import Stamps, Strict


class AccountSerializer(Stamps):
    account_id = serializers.UUIDField(source="id", read_only=True)
    account_name = serializers.CharField(max_length=200)
    website = serializers.CharField(max_length=2048, allow_blank=True, required=False)
    ingest_rate = serializers.IntegerField(read_only=True)
    app_secret_token = serializers.CharField(read_only=True)

    FIXED = ("account_id",)


def shown(account: Account, **more: Any) -> dict[str, Any]:
    """The account as the API shows it; the token only where it is given."""
    data = AccountSerializer(account).data
    return {name: value for name, value in data.items() if name != "app_secret_token"} | more


class RoleSerializer(Strict):
    id = serializers.IntegerField(read_only=True)
    role_name = serializers.CharField(read_only=True)
    created_at = serializers.DateTimeField(read_only=True)
    updated_at = serializers.DateTimeField(read_only=True)


class GraceSerializer(Strict):
    grace_seconds = serializers.IntegerField(required=False, default=0, min_value=0, max_value=604_800)


class HistorySerializer(Strict):
    id = serializers.UUIDField(read_only=True)
    at = serializers.DateTimeField(read_only=True)
    user_id = serializers.UUIDField(read_only=True)
    action = serializers.CharField(read_only=True)
    object_id = serializers.UUIDField(read_only=True)
    before = serializers.JSONField(read_only=True)
    after = serializers.JSONField(read_only=True)
    request_id = serializers.CharField(read_only=True)
