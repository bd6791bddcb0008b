from typing import Any

from rest_framework import serializers

from apps.common.api.serializers import Stamps, Strict


class Credentials(Strict):
    email = serializers.EmailField(max_length=254)
    password = serializers.CharField(max_length=4096, trim_whitespace=False)


class LogInCredentials(Credentials):
    mfa_code = serializers.RegexField(r"^[\x20-\x7e]*$", max_length=64, required=False, default="", allow_blank=True)


class RefreshToken(Strict):
    refresh = serializers.CharField(max_length=4096)


class OptionalRefreshToken(Strict):
    refresh = serializers.CharField(max_length=4096, required=False)


class Pair(Strict):
    access = serializers.CharField(read_only=True, help_text="15 minutes; send it as `Authorization: Bearer …`")
    refresh = serializers.CharField(read_only=True, help_text="14 days; works once, for the next pair")


class Registered(Strict):
    email = serializers.EmailField(read_only=True)


class Me(Stamps):
    id = serializers.UUIDField(read_only=True)
    email = serializers.EmailField(read_only=True)


class NewPassword(Me):
    """`Me` with the one thing that can be written."""

    password = serializers.CharField(max_length=4096, trim_whitespace=False, write_only=True)
    current_password = serializers.CharField(max_length=4096, trim_whitespace=False, write_only=True)

    FIXED = ("email",)


CREDENTIALS = {"email": "ada@example.com", "password": "correct horse battery"}
PAIR = {"access": "eyJhbGciOiJIUzI1NiJ9.eyJz…", "refresh": "eyJhbGciOiJIUzI1NiJ9.eyJy…"}
ME: dict[str, Any] = {
    "id": "0198c1f4-5b7d-7d10-9c3e-0a4f6e21b8c3",
    "email": "ada@example.com",
    "created_at": "2026-11-02T09:30:00.000000Z",
    "updated_at": "2026-11-02T09:30:00.000000Z",
    "created_by": "0198c1f4-5b7d-7d10-9c3e-0a4f6e21b8c3",
    "updated_by": "0198c1f4-5b7d-7d10-9c3e-0a4f6e21b8c3",
}
