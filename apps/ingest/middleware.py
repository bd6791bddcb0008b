"""The plain Django path to accept(): for Django's test client, and for any server without our ASGI front."""

from collections.abc import Awaitable, Callable

from asgiref.sync import async_to_sync, iscoroutinefunction, markcoroutinefunction
from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseBase

from apps.ingest.services import PATHS, Answer, Incoming, TooLarge, accept

GetResponse = Callable[[HttpRequest], HttpResponseBase | Awaitable[HttpResponseBase]]


class IngestMiddleware:
    """Stands first, so that a sender's request passes no session, cookie or page header of Django's."""

    sync_capable = True
    async_capable = True

    def __init__(self, get_response: GetResponse) -> None:
        self._get_response = get_response
        if iscoroutinefunction(get_response):
            markcoroutinefunction(self)

    def __call__(self, request: HttpRequest) -> HttpResponseBase | Awaitable[HttpResponseBase]:
        if request.path_info not in PATHS:
            return self._get_response(request)
        if iscoroutinefunction(self._get_response):
            return self._respond(request)
        return async_to_sync(self._respond)(request)

    async def _respond(self, request: HttpRequest) -> HttpResponse:
        return _response(await accept(_incoming(request)))


def _incoming(request: HttpRequest) -> Incoming:
    limit = settings.INGEST_MAX_BYTES

    async def read() -> bytes:
        # Django has received the body before; its length header is only what the sender says.
        body = request.read(limit + 1)
        if len(body) > limit:
            raise TooLarge
        return body

    headers = {name.lower(): value for name, value in request.headers.items()}
    return Incoming(request.method or "", headers, read)


def _response(answer: Answer) -> HttpResponse:
    return HttpResponse(answer.body, status=answer.status, headers=answer.headers)
