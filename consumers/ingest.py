"""The fast lane of /server/incoming_data: an ASGI callable before Django. Translates the request into one accept()."""

from collections import defaultdict
from functools import partial

from django.conf import settings

from apps.ingest.services import Answer, Incoming, TooLarge, accept
from consumers.asgi import Receive, Scope, Send


async def ingest(scope: Scope, receive: Receive, send: Send) -> None:
    answer = await accept(Incoming(scope["method"], _headers(scope), partial(_read, scope, receive)))
    await _send(answer, send)
    scope["datapusher.account"] = answer.account_id


def _headers(scope: Scope) -> dict[str, str]:
    """As Django joins them: values of a repeated name in their order, with commas."""
    values: dict[str, list[str]] = defaultdict(list)
    for name, value in scope["headers"]:
        values[name.decode("latin-1").lower()].append(value.decode("latin-1"))
    return {name: ",".join(own) for name, own in values.items()}


async def _read(scope: Scope, receive: Receive) -> bytes:
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
        chunks.append(message.get("body", b""))
        total += len(chunks[-1])
        if total > limit:
            raise TooLarge
        if not message.get("more_body", False):
            return b"".join(chunks)


async def _send(answer: Answer, send: Send) -> None:
    headers = [(name.lower().encode(), value.encode()) for name, value in answer.headers.items()]
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    await send({"type": "http.response.body", "body": answer.body})
