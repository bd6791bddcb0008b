from rest_framework import serializers

from apps.common.api.serializers import Stamps, Strict


class Credentials(Strict):
    email = serializers.EmailField(max_length=254)
    password = serializers.CharField(max_length=4096, trim_whitespace=False)


class RefreshToken(Strict):
    refresh = serializers.CharField(max_length=4096)


class OptionalRefreshToken(Strict):
    refresh = serializers.CharField(max_length=4096, required=False)


class Me(Stamps):
    id = serializers.UUIDField(read_only=True)
    email = serializers.EmailField(read_only=True)
