"""The only owner of an aiohttp session: one request out, one Outcome back."""

import asyncio
import errno
import time
from contextlib import suppress
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Any

import aiohttp
from django.utils import timezone
from multidict import CIMultiDict
from yarl import URL

from apps.common.addresses import literal
from apps.deliveries.masking import BODY_MAX
from apps.deliveries.network import SocketFactory
from apps.deliveries.request import Error, OutboundRequest, Outcome
from apps.deliveries.retry import RETRY_AFTER_MAX_S

# Bytes of an answer that are looked at: 1 KiB is kept, and a header value (4 KiB, each byte as %XX) echoed across that
# cut must be seen whole.
_HEAD_MAX = BODY_MAX + 3 * 4096
# Bytes read to the end so that the connection can be used again; a longer answer costs its connection.
_DRAIN_MAX = 65_536
# Seconds. Below the 5 s after which Node closes: a connection that the receiver is just closing fails the try.
_KEEP_ALIVE_S = 4
_OUT_OF_RESOURCES = {errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.ENOBUFS}


class OurFault(Exception):
    """No file handle, no memory: the try did not take place."""


class Sender:
    """Use as an async context manager. Never follows redirects, keeps no cookies, unpacks nothing."""

    def __init__(self, socket_factory: SocketFactory) -> None:
        self._socket_factory = socket_factory

    async def __aenter__(self) -> "Sender":
        self._session = self._make(keepalive_timeout=_KEEP_ALIVE_S)
        # aiohttp's own repeat, for some methods only, would be a second way of trying again; ours is in `_open`.
        self._session._retry_connection = False
        self._fresh = self._make(force_close=True)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._session.close()
        await self._fresh.close()

    def _make(self, **connector: Any) -> aiohttp.ClientSession:
        return aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(
                limit=0,  # the engine has seats; the default of 100 lets 100 hung receivers stop everybody
                socket_factory=self._socket_factory,
                ttl_dns_cache=10,  # seconds
                **connector,
            ),
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            timeout=aiohttp.ClientTimeout(total=None),
            skip_auto_headers=("User-Agent", "Accept", "Accept-Encoding", "Content-Type"),
            trust_env=False,
            trace_configs=[_notes_reuse()],
        )

    async def send(self, request: OutboundRequest) -> Outcome:
        """One try, within `request.timeout_s` for all of it. Once the head of the answer is in, its status decides.

        Raises:
            OurFault: nothing was sent for want of a resource of ours.
        """
        began = time.monotonic()
        deadline = asyncio.get_running_loop().time() + request.timeout_s
        try:
            async with asyncio.timeout_at(deadline):
                response = await self._open(request)
            return await _outcome(response, began, deadline)
        except TimeoutError:
            error = Error.TIMEOUT
        except (aiohttp.ClientError, OSError, ValueError) as failure:
            error = _code(failure, request.url)
        return Outcome(error, latency_ms=_since(began))

    async def _open(self, request: OutboundRequest) -> aiohttp.ClientResponse:
        """The answer's head. A receiver may close a kept connection just as we use it: then once more on a new one, which
        is the same try, with the same webhook-id."""
        connection = _Connection()
        try:
            return await _request(self._session, request, connection)
        except aiohttp.ClientConnectorError:
            raise
        except (aiohttp.ServerDisconnectedError, aiohttp.ClientOSError):
            if not connection.reused:
                raise
        return await _request(self._fresh, request, connection)


@dataclass(slots=True)
class _Connection:
    reused: bool = False


def _notes_reuse() -> aiohttp.TraceConfig:
    async def note(_: aiohttp.ClientSession, context: Any, __: aiohttp.TraceConnectionReuseconnParams) -> None:
        context.trace_request_ctx.reused = True

    config = aiohttp.TraceConfig()
    config.on_connection_reuseconn.append(note)
    return config


async def _request(session: aiohttp.ClientSession, request: OutboundRequest, connection: _Connection) -> aiohttp.ClientResponse:
    return await session.request(
        request.method,
        URL(request.url, encoded=True),  # encoded: it goes out as it was saved, never quoted anew
        headers=CIMultiDict(request.headers),
        data=request.body,
        allow_redirects=False,
        trace_request_ctx=connection,
    )


async def _outcome(response: aiohttp.ClientResponse, began: float, deadline: float) -> Outcome:
    head, whole = await _read_head(response.content, deadline)
    if whole:
        response.release()
    else:
        response.close()
    return Outcome(
        Error.NONE if 200 <= response.status < 300 else Error.HTTP_STATUS,
        response_status=response.status,
        latency_ms=_since(began),
        response_headers=tuple((_text(name), _text(value)) for name, value in response.raw_headers),
        response_body=head,
        retry_after_s=_retry_after(response.headers.get("Retry-After", "")),
    )


async def _read_head(content: aiohttp.StreamReader, deadline: float) -> tuple[bytes, bool]:
    """What there is of the body, and whether it came to its end. A body that is cut off or hangs takes nothing from the
    status: what was accepted must not be sent again."""
    head = bytearray()
    seen = 0
    with suppress(aiohttp.ClientError, OSError, ValueError):
        async with asyncio.timeout_at(deadline):
            while seen < _DRAIN_MAX:
                chunk = await content.read(_DRAIN_MAX - seen)
                if not chunk:
                    return bytes(head), True
                seen += len(chunk)
                head += chunk[: max(0, _HEAD_MAX - len(head))]
    return bytes(head), False


def _since(began: float) -> int:
    return round((time.monotonic() - began) * 1000)


def _text(raw: bytes) -> str:
    """Any bytes as text that every database takes: no control characters, no surrogates."""
    return "".join(character for character in raw.decode("latin-1") if character.isprintable())


def _retry_after(value: str) -> int | None:
    """Seconds from now, at most a day; None when absent or malformed (RFC 9110, 10.2.3)."""
    if value.isascii() and value.isdigit():
        return min(int(value[:10]), RETRY_AFTER_MAX_S)
    try:
        moment = parsedate_to_datetime(value)
        ahead = (moment - timezone.now()).total_seconds()
    except (ValueError, TypeError, OverflowError):
        return None
    return round(max(0, min(ahead, RETRY_AFTER_MAX_S)))


# The first that fits. Of aiohttp's errors, the special ones before those from which they derive.
_CODES: tuple[tuple[tuple[type[Exception], ...], Error], ...] = (
    ((aiohttp.ClientConnectorDNSError,), Error.DNS_FAILED),
    ((aiohttp.ClientConnectorCertificateError, aiohttp.ClientSSLError), Error.TLS_FAILED),
    ((aiohttp.ClientConnectorError, aiohttp.InvalidURL), Error.CONNECTION_FAILED),
    ((aiohttp.ServerDisconnectedError, aiohttp.ClientOSError, aiohttp.ClientPayloadError), Error.CONNECTION_CLOSED),
    ((aiohttp.ClientResponseError,), Error.INVALID_RESPONSE),
)


def _code(failure: Exception, url: str) -> Error:
    """The closed list. The failure's own text quotes the peer's bytes and goes nowhere."""
    number = getattr(failure, "errno", None)
    if number in _OUT_OF_RESOURCES:
        raise OurFault from failure
    # PermissionError: an SSLError has numbers of its own, and its 1 is not EPERM.
    if isinstance(failure, aiohttp.ClientConnectorError) and isinstance(failure.os_error, PermissionError):
        # A name that leads to a forbidden address answers like one that does not resolve: it tells nothing of our network.
        return Error.ADDRESS_FORBIDDEN if literal(URL(url, encoded=True).host or "") else Error.DNS_FAILED
    if isinstance(failure, aiohttp.ClientConnectorError) and number == errno.ECONNREFUSED:
        return Error.CONNECTION_REFUSED
    return next((code for kinds, code in _CODES if isinstance(failure, kinds)), Error.CONNECTION_FAILED)
