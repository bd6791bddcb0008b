"""The only owner of connections to receivers: one request out, one Outcome back."""

import asyncio
import errno
from contextlib import suppress
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Any

import aiohttp
from aiohttp.connector import Connection
from aiohttp.http import RawResponseMessage
from aiohttp.http_exceptions import HttpProcessingError
from django.utils import timezone
from yarl import URL

from apps.common.addresses import literal
from apps.deliveries.dialling import DRAIN_MAX, ROOM, Connector
from apps.deliveries.masking import BODY_MAX
from apps.deliveries.network import SocketFactory
from apps.deliveries.phases import Watch
from apps.deliveries.request import Error, OutboundRequest, Outcome
from apps.deliveries.retry import RETRY_AFTER_MAX_S
from apps.deliveries.wire import Way, way, written

# Bytes of an answer that are looked at: 1 KiB is kept, and a header value (4 KiB, each byte as %XX) echoed across that
# cut must be seen whole.
_HEAD_MAX = BODY_MAX + 3 * 4096
# Seconds. Below the 5 s after which Node closes: a connection that the receiver is just closing fails the try.
_KEEP_ALIVE_S = 4
# Seconds that the rest of a request has to go out once its answer is in.
_LEFT_S = 5.0
# Bytes that a socket takes at once. Over TLS it does not tell what it still holds.
_SURELY_SENT = 65_536
_OUT_OF_RESOURCES = {errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.ENOBUFS}


class OurFault(Exception):
    """No file handle, no memory: the try did not take place."""


class Sender:
    """Use as an async context manager. Never follows redirects, keeps no cookies, unpacks nothing, asks no proxy.

    Of aiohttp it has the connections and the parser; its session would be half of what a try costs a worker (measured).
    """

    def __init__(self, socket_factory: SocketFactory) -> None:
        self._socket_factory = socket_factory

    async def __aenter__(self) -> "Sender":
        self._kept = self._make(keepalive_timeout=_KEEP_ALIVE_S)
        self._fresh = self._make(force_close=True)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._kept.close()
        await self._fresh.close()

    def _make(self, **connector: Any) -> Connector:
        return Connector(
            limit=0,  # the engine has seats; the default of 100 lets 100 hung receivers stop everybody
            socket_factory=self._socket_factory,
            ttl_dns_cache=10,  # seconds
            **connector,
        )

    async def send(self, request: OutboundRequest) -> Outcome:
        """One try, within `request.timeout_s` for all of it. Once the head of the answer is in, its status decides.

        Raises:
            OurFault: nothing was sent for want of a resource of ours.
        """
        watch = Watch()
        deadline = asyncio.get_running_loop().time() + request.timeout_s
        try:
            async with asyncio.timeout_at(deadline):
                answer = await self._open(request, watch)
                watch.answered()
            return await _outcome(answer, watch, deadline)
        except TimeoutError:
            error = Error.TIMEOUT
        except (aiohttp.ClientError, HttpProcessingError, OSError, ValueError) as failure:
            error = _code(failure, request.url)
        return Outcome(error, latency_ms=watch.passed_ms(), phases=watch.phases(error))

    async def _open(self, request: OutboundRequest, watch: Watch) -> "_Answer":
        """The answer's head. A receiver may close a kept connection just as we use it: then once more on a new one, which
        is the same try, with the same webhook-id."""
        to = way(request.url)
        connection, is_used = await self._kept.connect_to(to, watch)
        try:
            return await _exchange(connection, to, request)
        except (aiohttp.ServerDisconnectedError, aiohttp.ClientOSError):
            if not is_used:
                raise
        connection, _ = await self._fresh.connect_to(to, watch)
        return await _exchange(connection, to, request, "Connection: close")


@dataclass(frozen=True, slots=True)
class _Answer:
    """Its head is in."""

    head: RawResponseMessage
    content: aiohttp.StreamReader
    connection: Connection
    all_sent: bool
    """Whether nothing of the request is on the way still, as far as can be known."""

    async def drain(self, deadline: float) -> bool:
        """Whether all was sent when the answer came. Who answers before it has read has the try's time to do so, and the try
        keeps its seat: else what waits for many such receivers would fill the memory."""
        protocol, transport = self.connection.protocol, self.connection.transport
        if protocol is None or transport is None or not transport.get_write_buffer_size():
            return self.all_sent
        with suppress(aiohttp.ClientError, OSError):
            async with asyncio.timeout_at(deadline):
                await protocol._drain_helper()
        return False

    def end(self, *, again: bool) -> None:
        """`again`: the connection may bring another request. What is left to send, by now little, goes out for a while."""
        transport = self.connection.transport
        if transport is not None and (transport.get_write_buffer_size() or not self.all_sent):
            self.connection.close()
            asyncio.get_running_loop().call_later(_LEFT_S, transport.abort)
        elif again:
            self.connection.release()
        else:
            self.connection.close()


def _give_up(connection: Connection) -> None:
    """Also of what is not sent yet."""
    if connection.transport is not None:
        connection.transport.abort()
    connection.close()


async def _exchange(connection: Connection, to: Way, request: OutboundRequest, *more: str) -> _Answer:
    """Writes the request, reads the answer's head. An error costs the connection, and so does the end of our time."""
    try:
        protocol, transport = connection.protocol, connection.transport
        if protocol is None or transport is None:
            raise aiohttp.ServerDisconnectedError
        protocol.set_response_params(read_until_eof=True, read_bufsize=ROOM, auto_decompress=False)
        transport.write(content := written(to, request, *more))
        while True:
            head, body = await protocol.read()
            if not 100 <= head.code < 200 or head.code == HTTPStatus.SWITCHING_PROTOCOLS:
                return _Answer(head, body, connection, to.origin.scheme == "http" or len(content) <= _SURELY_SENT)
    except BaseException:
        _give_up(connection)
        raise


async def _outcome(answer: _Answer, watch: Watch, deadline: float) -> Outcome:
    again = False
    try:
        head, whole = await _read_head(answer.content, deadline)
        latency_ms = watch.passed_ms()
        again = await answer.drain(deadline) and whole
    finally:
        answer.end(again=again)
    status = answer.head.code
    return Outcome(
        Error.NONE if 200 <= status < 300 else Error.HTTP_STATUS,
        response_status=status,
        latency_ms=latency_ms,
        phases=watch.phases(),
        response_headers=tuple((_text(name), _text(value)) for name, value in answer.head.raw_headers),
        response_body=head,
        retry_after_s=_retry_after(answer.head.headers.get("Retry-After", "")),
    )


async def _read_head(content: aiohttp.StreamReader, deadline: float) -> tuple[bytes, bool]:
    """What there is of the body, and whether it came to its end. A body that is cut off or hangs takes nothing from the
    status: what was accepted must not be sent again."""
    if content.at_eof():  # a 204, or an answer that came whole
        return b"", True
    head = bytearray()
    seen = 0
    with suppress(aiohttp.ClientError, OSError, ValueError):
        async with asyncio.timeout_at(deadline):
            while seen < DRAIN_MAX:
                chunk = await content.read(DRAIN_MAX - seen)
                if not chunk:
                    return bytes(head), True
                seen += len(chunk)
                head += chunk[: max(0, _HEAD_MAX - len(head))]
    return bytes(head), False


def _text(raw: bytes) -> str:
    """Any bytes as text that every database takes: no control characters, no surrogates."""
    text = raw.decode("latin-1")
    return text if text.isprintable() else "".join(filter(str.isprintable, text))


def _retry_after(value: str) -> int | None:
    """Seconds from now, at most a day; None when absent or malformed (RFC 9110, 10.2.3)."""
    if not value:
        return None
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
    ((HttpProcessingError,), Error.INVALID_RESPONSE),
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
