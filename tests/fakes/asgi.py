"""Calls an ASGI application as a server would, without one."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from consumers.asgi import Application, Message


@dataclass(frozen=True)
class Response:
    status: int
    headers: dict[str, str]
    """Names in lower case."""
    body: bytes


async def call(
    application: Application,
    method: str,
    path: str,
    headers: Sequence[tuple[str, str]] = (),
    body: bytes | Sequence[bytes] = b"",
) -> Response:
    """`body` as a sequence comes in chunks, without a length. `path` may end in a query."""
    path, _, query = path.partition("?")
    chunks = [body] if isinstance(body, bytes) else list(body)
    raw = [(name.lower().encode(), value.encode("latin-1")) for name, value in headers]
    if isinstance(body, bytes):
        raw.append((b"content-length", str(len(body)).encode()))
    scope = {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": method, "scheme": "http", "path": path,
        "raw_path": path.encode(), "query_string": query.encode(), "root_path": "", "headers": raw, "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 8000),
    }  # fmt: skip
    sent: list[Message] = []

    async def receive() -> Message:
        if not chunks:
            await asyncio.Event().wait()  # the client stays until it has its answer
        chunk = chunks.pop(0)
        return {"type": "http.request", "body": chunk, "more_body": bool(chunks)}

    async def send(message: Message) -> None:
        sent.append(message)

    await application(scope, receive, send)
    answered = {name.decode().lower(): value.decode() for name, value in sent[0]["headers"]}
    return Response(sent[0]["status"], answered, b"".join(message.get("body", b"") for message in sent[1:]))
