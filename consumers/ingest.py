"""The fast lane of /server/incoming_data: an ASGI callable before Django. Translates the request into one accept()."""

from functools import partial

from django.conf import settings

from apps.ingest.services import Answer, Incoming, TooLarge, accept
from consumers.asgi import Receive, Scope, Send


async def ingest(scope: Scope, receive: Receive, send: Send) -> None:
    address, _ = scope.get("client") or ("", 0)
    headers = _headers(scope)
    answer = await accept(Incoming(scope["method"], headers, partial(_read, headers, receive), address))
    await _send(answer, _cors(headers.get("origin", "")), send)
    scope["datapusher.account"], scope["datapusher.event"] = answer.account_id, answer.event


def _headers(scope: Scope) -> dict[str, str]:
    """As Django joins them: values of a repeated name in their order, with commas."""
    joined: dict[str, str] = {}
    for raw_name, raw_value in scope["headers"]:
        name, value = raw_name.decode("latin-1").lower(), raw_value.decode("latin-1")
        joined[name] = f"{joined[name]},{value}" if name in joined else value
    return joined


async def _read(headers: dict[str, str], receive: Receive) -> bytes:
    """The whole body; with a length that is too large it is not even begun. A sender that goes away: ConnectionError."""
    limit = settings.INGEST_MAX_BYTES
    length = headers.get("content-length", "")
    if length.isdecimal() and int(length[:20]) > limit:
        raise TooLarge
    chunks: list[bytes] = []
    total = 0
    while True:
        message = await receive()
        if message["type"] != "http.request":
            raise ConnectionError("the sender went away")
        chunks.append(message.get("body", b""))
        total += len(chunks[-1])
        if total > limit:
            raise TooLarge
        if not message.get("more_body", False):
            return b"".join(chunks)


def asks_first(scope: Scope) -> bool:
    """Whether it is a browser's question before a post from another origin's page (CORS); Django answers it."""
    return scope["method"] == "OPTIONS" and any(name == b"access-control-request-method" for name, _ in scope["headers"])


def _cors(origin: str) -> list[tuple[bytes, bytes]]:
    """What lets a page of an allowed origin read the answer: the same as `Cors` adds to Django's."""
    if not settings.CORS_ALLOWED_ORIGINS:
        return []
    if origin not in settings.CORS_ALLOWED_ORIGINS:
        return [(b"vary", b"origin")]
    exposed = ", ".join(settings.CORS_EXPOSE_HEADERS).encode()
    allowed = (b"access-control-allow-origin", origin.encode())
    return [(b"vary", b"origin"), allowed, (b"access-control-expose-headers", exposed)]


async def _send(answer: Answer, besides: list[tuple[bytes, bytes]], send: Send) -> None:
    headers = [(name.lower().encode(), value.encode()) for name, value in answer.headers.items()]
    await send({"type": "http.response.start", "status": answer.status, "headers": headers + besides})
    await send({"type": "http.response.body", "body": answer.body})
