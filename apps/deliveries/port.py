"""The worker's own port for operators, METRICS_PORT: `/metrics` and `/health/live/`, one request a connection."""

import asyncio
import logging
from http import HTTPStatus

from django.conf import settings

from apps.deliveries.exposition import CONTENT_TYPE, exposition, refusal

logger = logging.getLogger(__name__)

# Bytes of a request: its line and headers. Seconds for all of it.
_HEAD_MAX = 8192
_PATIENCE_S = 5.0
# Seconds until a port that is in use is tried again.
_AGAIN_S = 10.0


async def serve() -> None:
    """Until cancelled. A port in use stops no deliveries: the worker that has it may be about to end."""
    while True:
        try:
            server = await asyncio.start_server(_answer, settings.HOST, settings.METRICS_PORT, limit=_HEAD_MAX)
        except OSError as error:
            place = f"{settings.HOST}:{settings.METRICS_PORT}"
            logger.warning("METRICS_PORT: %s cannot be used: %s; tried again", place, error.strerror)
            await asyncio.sleep(_AGAIN_S)
        else:
            await server.serve_forever()


async def _answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        async with asyncio.timeout(_PATIENCE_S):
            method, path, authorization = _parse(await reader.readuntil(b"\r\n\r\n"))
            status, kind, body = await _page(method, path, authorization)
            writer.write(_head(status, kind, body) + (b"" if method == "HEAD" else body))
            await writer.drain()
    except (OSError, EOFError, ValueError, asyncio.LimitOverrunError):  # TimeoutError is an OSError, a cut request an EOFError
        pass
    finally:
        writer.close()


def _parse(head: bytes) -> tuple[str, str, str]:
    """Method, path and the header Authorization. Raises ValueError for what is no request."""
    first, *lines = head.decode("latin-1").split("\r\n")
    method, target, _ = first.split(" ")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    return method, target.partition("?")[0].rstrip("/"), headers.get("authorization", "")


async def _page(method: str, path: str, authorization: str) -> tuple[int, str, bytes]:
    if path not in {"/metrics", "/health/live"}:
        return 404, "text/plain", b""
    if method not in {"GET", "HEAD"}:
        return 405, "text/plain", b""
    if path == "/health/live":
        return 200, "application/json", b'{"status": "ok"}'
    if (status := refusal(authorization)) is not None:
        return status, "text/plain", b""
    return 200, CONTENT_TYPE, await exposition()


_MORE = {401: "WWW-Authenticate: Bearer\r\n", 405: "Allow: GET, HEAD\r\n"}


def _head(status: int, kind: str, body: bytes) -> bytes:
    line = f"HTTP/1.1 {status} {HTTPStatus(status).phrase}\r\n"
    kept = f"Content-Type: {kind}\r\nContent-Length: {len(body)}\r\nCache-Control: no-store\r\nConnection: close\r\n"
    return f"{line}{kept}{_MORE.get(status, '')}\r\n".encode()
