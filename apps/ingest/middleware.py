"""The plain Django path to accept(): for Django's test client, and for any server without our ASGI front."""

from django.conf import settings
from django.http import HttpRequest, HttpResponse

from apps.common.middleware import AnsweringMiddleware, Page
from apps.ingest.services import PATHS, Answer, Incoming, TooLarge, accept


class IngestMiddleware(AnsweringMiddleware):
    """Stands first, so that a sender's request passes no session, cookie or page header of Django's."""

    def page(self, request: HttpRequest) -> Page | None:
        return self._respond if request.path_info in PATHS else None

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
    return Incoming(request.method or "", headers, read, request.META.get("REMOTE_ADDR", ""))


def _response(answer: Answer) -> HttpResponse:
    return HttpResponse(answer.body, status=answer.status, headers=answer.headers)
