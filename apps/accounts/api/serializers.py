from typing import Any

from rest_framework import serializers

from apps.accounts.models import Account, Member, Role
from apps.common.api.serializers import Name, Stamps, Strict


class AccountSerializer(Stamps):
    account_id = serializers.UUIDField(source="id", read_only=True)
    account_name = Name(max_length=200)
    website = serializers.CharField(max_length=2048, allow_blank=True, required=False, help_text="http or https, or empty")
    ingest_rate = serializers.IntegerField(read_only=True, allow_null=True, help_text="posts a second; null: INGEST_RATE")

    FIXED = ("account_id",)


class NewAccountSerializer(AccountSerializer):
    """What a write takes, and what the creation answers."""

    app_secret_token = serializers.CharField(read_only=True)


def shown(account: Account, **more: Any) -> dict[str, Any]:
    """The account as the API shows it; the token only where it is given."""
    return AccountSerializer(account).data | more


class TokenSerializer(Strict):
    app_secret_token = serializers.CharField(read_only=True, help_text="the header CL-X-TOKEN of a post")


class MemberSerializer(Stamps):
    id = serializers.UUIDField(read_only=True)
    account_id = serializers.UUIDField()
    user_id = serializers.UUIDField(required=False, allow_null=True, help_text="null while `invited`; or give the e-mail")
    email = serializers.EmailField(max_length=254, required=False)
    role_id = serializers.IntegerField(min_value=1, max_value=32_767)
    state = serializers.ChoiceField(choices=Member.State.choices, read_only=True)

    FIXED = ("account_id", "user_id", "email")

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if self.instance is None and bool(attrs.get("email")) is (attrs.get("user_id") is not None):
            raise serializers.ValidationError({"email": ["Give either the e-mail or the user_id."]})
        return attrs

    def to_representation(self, instance: Member) -> dict[str, Any]:
        # The id of who was made just now is younger than that of who was there: until they come, nobody sees it.
        came = instance.state == Member.State.ACTIVE
        fields = {
            "id": instance.pk,
            "account_id": instance.account_id,
            "user_id": instance.user_id if came else None,
            "email": instance.user.email,
            "role_id": instance.role_id,
            "state": instance.state,
        }
        return fields | Stamps(instance).data


class PersonSerializer(Strict):
    """All that is kept of a person."""

    user = serializers.DictField(read_only=True)
    memberships = serializers.ListField(child=serializers.DictField(), read_only=True)
    sign_ins = serializers.ListField(child=serializers.DictField(), read_only=True, help_text="REST clients, without tokens")
    browsers = serializers.ListField(child=serializers.DictField(), read_only=True)
    second_factors = serializers.ListField(child=serializers.DictField(), read_only=True, help_text="without secrets")


class RoleSerializer(Strict):
    id = serializers.IntegerField(read_only=True)
    role_name = serializers.ChoiceField(choices=[Role.ADMIN, Role.NORMAL_USER], read_only=True)
    created_at = serializers.DateTimeField(read_only=True)
    updated_at = serializers.DateTimeField(read_only=True)


class TokenGraceSerializer(Strict):
    grace_seconds = serializers.IntegerField(required=False, default=0, min_value=0, max_value=604_800)


class HistorySerializer(Strict):
    id = serializers.UUIDField(read_only=True)
    at = serializers.DateTimeField(read_only=True)
    user_id = serializers.UUIDField(read_only=True)
    action = serializers.CharField(read_only=True)
    object_id = serializers.UUIDField(read_only=True)
    before = serializers.DictField(child=serializers.JSONField(), read_only=True)
    after = serializers.DictField(child=serializers.JSONField(), read_only=True)
    request_id = serializers.CharField(read_only=True)


ACCOUNT: dict[str, Any] = {
    "account_id": "0198c1f4-9a3e-7c21-8f53-6d2b7a0c9e11",
    "account_name": "Northwind",
    "website": "https://northwind.example",
    "ingest_rate": None,
    "created_at": "2026-11-02T09:31:00.000000Z",
    "updated_at": "2026-11-02T09:31:00.000000Z",
    "created_by": "0198c1f4-5b7d-7d10-9c3e-0a4f6e21b8c3",
    "updated_by": "0198c1f4-5b7d-7d10-9c3e-0a4f6e21b8c3",
}
ACCOUNT_WRITE = {"account_name": "Northwind", "website": "https://northwind.example"}
TOKEN = {"app_secret_token": "dp_3q2-7w…"}
HISTORY: dict[str, Any] = {
    "id": "0198c1f8-0d42-7b90-b1c6-2f9a4d7e5c33",
    "at": "2026-11-02T09:35:00.000000Z",
    "user_id": "0198c1f4-5b7d-7d10-9c3e-0a4f6e21b8c3",
    "action": "account.updated",
    "object_id": "0198c1f4-9a3e-7c21-8f53-6d2b7a0c9e11",
    "before": {"account_name": "Northwind"},
    "after": {"account_name": "Northwind Ltd"},
    "request_id": "0198c1f8-0d3f-7a55-8e2b-91c0d7f6a428",
}
ROLE: dict[str, Any] = {
    "id": 1,
    "role_name": "Admin",
    "created_at": "2026-11-02T09:00:00.000000Z",
    "updated_at": "2026-11-02T09:00:00.000000Z",
}
