"""The fast lane of /server/incoming_data: an ASGI callable before Django. Translates the request into one accept()."""

from collections import defaultdict
from functools import partial

from asgiref.typing import ASGIReceiveCallable, ASGISendCallable, HTTPScope
from django.conf import settings

from apps.ingest.services import Answer, Incoming, TooLarge, accept


async def ingest(scope: HTTPScope, receive: ASGIReceiveCallable, send: ASGISendCallable) -> None:
    answer = await accept(Incoming(scope["method"], _headers(scope), partial(_read, scope, receive)))
    await _send(answer, send)
    scope["datapusher.account"] = answer.account_id  # type: ignore[typeddict-unknown-key]


def _headers(scope: HTTPScope) -> dict[str, str]:
    """As Django joins them: values of a repeated name in their order, with commas."""
    values: dict[str, list[str]] = defaultdict(list)
    for name, value in scope["headers"]:
        values[name.decode("latin-1").lower()].append(value.decode("latin-1"))
    return {name: ",".join(own) for name, own in values.items()}


async def _read(scope: HTTPScope, receive: ASGIReceiveCallable) -> bytes:
    """The whole body; with a length that is too large it is not even begun. A sender that goes away: ConnectionError."""
    limit = settings.INGEST_MAX_BYTES
    length = _headers(scope).get("content-length", "")
    if length.isdecimal() and int(length[:20]) > limit:
        raise TooLarge
    chunks: list[bytes] = []
    total = 0
    while True:
        message = await receive()
        if message["type"] != "http.request":
            raise ConnectionError("the sender went away")
        chunks.append(message["body"])
        total += len(chunks[-1])
        if total > limit:
            raise TooLarge
        if not message["more_body"]:
            return b"".join(chunks)


async def _send(answer: Answer, send: ASGISendCallable) -> None:
    headers = [(name.lower().encode(), value.encode()) for name, value in answer.headers.items()]
    await send({"type": "http.response.start", "status": answer.status, "headers": headers, "trailers": False})
    await send({"type": "http.response.body", "body": answer.body, "more_body": False})
