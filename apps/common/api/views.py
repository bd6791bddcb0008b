"""The base of every API view: parse → policy → one service or selector → answer."""

import re
from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.utils.cache import patch_vary_headers
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from apps.common.errors import Stale
from apps.common.rate import spend

_ETAG = re.compile(r'"([0-9]{1,9})(?:-[0-9]{1,20})?"')


class Endpoint(APIView):
    """`Cache-Control: private, no-cache`; views of secrets set `no-store`."""

    cache_control = "private, no-cache"

    def initialize_request(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Request:
        # DRF takes a body without a length for an empty one, and a PATCH "succeeds" and changes nothing.
        if not request.META.get("CONTENT_LENGTH"):
            request.META["CONTENT_LENGTH"] = str(len(request.body))
        return super().initialize_request(request, *args, **kwargs)

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        if request.user is not None:
            spend(f"api:{request.user.pk}", settings.API_RATE, 60)

    def finalize_response(self, request: Request, response: Any, *args: Any, **kwargs: Any) -> Response:
        final = super().finalize_response(request, response, *args, **kwargs)
        final.headers.setdefault("Cache-Control", self.cache_control)
        patch_vary_headers(final, ["Authorization", "Cookie"])
        return final


def etag(version: int, turned: int = 0) -> dict[str, str]:
    """Made of the row's version, never of its content: a secret in it cannot be guessed from it.

    `turned`: another number after each change that is nobody's write; a later write may name it or not.
    """
    return {"ETag": f'"{version}-{turned}"' if turned else f'"{version}"'}


def resource(request: Request, data: Any, version: int, turned: int = 0) -> Response:
    """One resource with its ETag, or 304 when the caller has it."""
    own = etag(version, turned)
    known = {part.strip().removeprefix("W/") for part in request.headers.get("If-None-Match", "").split(",")}
    if own["ETag"] in known or "*" in known:
        return Response(status=304, headers=own)
    return Response(data, headers=own)


def expected_version(request: Request) -> int | None:
    """The version that `If-Match` names; None without one or with `*`. Raises Stale when it can be of no row."""
    given = request.headers.get("If-Match", "").strip()
    if given in {"", "*"}:
        return None
    match = _ETAG.fullmatch(given)
    if match is None:
        raise Stale
    return int(match[1])


def checked(serializer: Any) -> dict[str, Any]:
    """The validated data. Raises ValidationError with a message for each field."""
    if not serializer.is_valid():
        raise ValidationError(serializer.errors)
    data: dict[str, Any] = serializer.validated_data
    return data
