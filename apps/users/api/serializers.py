from rest_framework import serializers

from apps.common.api.serializers import Strict


class Credentials(Strict):
    email = serializers.EmailField(max_length=254)
    password = serializers.CharField(max_length=4096, trim_whitespace=False)


class RefreshToken(Strict):
    refresh = serializers.CharField(max_length=4096)


class OptionalRefreshToken(Strict):
    refresh = serializers.CharField(max_length=4096, required=False)


class Me(Strict):
    id = serializers.UUIDField(read_only=True)
    email = serializers.EmailField(read_only=True)
    created_at = serializers.DateTimeField(read_only=True)
    updated_at = serializers.DateTimeField(read_only=True)
    created_by = serializers.UUIDField(source="created_by_id", read_only=True)
    updated_by = serializers.UUIDField(source="updated_by_id", read_only=True)
