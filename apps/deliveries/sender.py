"""The only owner of an aiohttp session: one request out, one Outcome back."""

import asyncio
import errno
import time
from email.utils import parsedate_to_datetime

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
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(
                limit=0,  # the engine has seats; the default of 100 lets 100 hung receivers stop everybody
                socket_factory=self._socket_factory,
                keepalive_timeout=_KEEP_ALIVE_S,
                ttl_dns_cache=10,  # seconds
            ),
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            timeout=aiohttp.ClientTimeout(total=None),
            skip_auto_headers=("User-Agent", "Accept", "Accept-Encoding", "Content-Type"),
            trust_env=False,
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._session.close()

    async def send(self, request: OutboundRequest) -> Outcome:
        """One try, within `request.timeout_s` for all of it.

        Raises:
            OurFault: nothing was sent for want of a resource of ours.
        """
        began = time.monotonic()
        try:
            async with asyncio.timeout(request.timeout_s):
                return await self._exchange(request, began)
        except TimeoutError:
            error = Error.TIMEOUT
        except (aiohttp.ClientError, OSError, ValueError) as failure:
            error = _code(failure, request.url)
        return Outcome(error, latency_ms=_since(began))

    async def _exchange(self, request: OutboundRequest, began: float) -> Outcome:
        # encoded: the URL goes out as it was saved, never quoted anew.
        async with self._session.request(
            request.method,
            URL(request.url, encoded=True),
            headers=CIMultiDict(request.headers),
            data=request.body,
            allow_redirects=False,
        ) as response:
            head = await _read_head(response.content)
            return Outcome(
                Error.NONE if 200 <= response.status < 300 else Error.HTTP_STATUS,
                response_status=response.status,
                latency_ms=_since(began),
                response_headers=tuple((_text(name), _text(value)) for name, value in response.raw_headers),
                response_body=head,
                retry_after_s=_retry_after(response.headers.get("Retry-After", "")),
            )


async def _read_head(content: aiohttp.StreamReader) -> bytes:
    head = bytearray()
    seen = 0
    while seen < _DRAIN_MAX and (chunk := await content.read(_DRAIN_MAX - seen)):
        seen += len(chunk)
        head += chunk[: max(0, _HEAD_MAX - len(head))]
    return bytes(head)


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
