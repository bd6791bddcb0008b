"""The request id within Django, on every server: our ASGI front gives it, else it is chosen here."""

from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse

from apps.common import context, request_id


class RequestIdMiddleware:
    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if not request.COOKIES.get(settings.SESSION_COOKIE_NAME, "x").isalnum():
            del request.COOKIES[settings.SESSION_COOKIE_NAME]  # not of our making; PostgreSQL fails on a NUL in it
        identity = request_id.choose(request.headers.get("X-Request-ID", ""))
        context.request_id.set(identity)
        response = self._get_response(request)
        response["X-Request-ID"] = identity
        return response
