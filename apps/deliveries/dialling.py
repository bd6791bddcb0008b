"""Connections to receivers: looked up, dialled, kept. The sender alone asks for them."""

import asyncio
from contextvars import ContextVar
from functools import lru_cache, partial
from typing import Any

import aiohttp
from aiohttp.client_proto import ResponseHandler
from aiohttp.connector import Connection

from apps.common.addresses import literal
from apps.deliveries.phases import Watch
from apps.deliveries.wire import Way

# Bytes read to the end so that the connection can be used again; a longer answer costs its connection.
DRAIN_MAX = 65_536
# Answers of 1xx before the answer; who sends more has none, and reading on would take the loop from the others.
_PROMISES_MAX = 20
# Bytes of an answer on the wire: of a body that is looked at, its head and what frames its chunks. More framing is none.
_WIRE_MAX = DRAIN_MAX + 32_768
# Bytes that are parsed at once: the 256 KiB that uvloop reads have room for 6,000 answers, of 2 KiB of memory each.
_PIECE = 4096
# Bytes of a body, and by aiohttp a sixteenth as many chunks, that wait for us to look at them.
ROOM = 16_384
_NO_LIMIT = aiohttp.ClientTimeout()  # of its own: the try's is for all of it
# Of the try that dials. The protocol is made by asyncio, in the task of that try: there is no other way to hand it over.
_watch: ContextVar[Watch] = ContextVar("watch")


class _Connection(ResponseHandler):
    """One connection. What a receiver sends without being asked ends it: kept, it would be taken for the answer to the next
    request, and it may be as much as the receiver likes."""

    kept = False
    """Whether it waits for its next request."""
    _promises = 0
    _answered = False
    _wire = 0

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(loop)
        self._dialled_by = _watch.get()
        self._dialled_by.connected()  # asyncio makes the protocol once TCP is there, and tells it of the connection after TLS

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        self._dialled_by.ready()
        del self._dialled_by
        if hasattr(transport, "max_size"):  # asyncio reads 256 KiB at once: with 400 seats 100 MiB for who answers without end
            transport.max_size = DRAIN_MAX

    def set_response_params(self, **params: Any) -> None:
        self.kept, self._promises, self._answered, self._wire = False, 0, False, 0
        super().set_response_params(**params)

    def data_received(self, data: bytes) -> None:
        """None at all: what was parsed no further for want of room goes on."""
        for start in range(0, len(data) or 1, _PIECE):
            if self.transport is None or self.transport.is_closing():
                return
            if self.kept or self._wire > _WIRE_MAX:
                self._end()
                return
            piece = data[start : start + _PIECE]
            self._wire += len(piece)
            super().data_received(piece)

    def feed_data(self, data: Any, size: int = 0) -> None:
        """One answer, and the promises before it."""
        is_promise = data[0].code < 200
        self._promises += is_promise
        if self.kept or self._answered or self._promises > _PROMISES_MAX:
            self._end()
            return
        self._answered = not is_promise
        super().feed_data(data, size)

    def _end(self) -> None:
        self.force_close()
        if self.transport is not None:
            self.transport.abort()


class Connector(aiohttp.TCPConnector):
    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        factory: Any = partial(_Connection, loop=asyncio.get_running_loop())
        self._factory = factory
        self._place = lru_cache(maxsize=1024)(partial(aiohttp.ClientRequest, "GET", loop=asyncio.get_running_loop()))

    async def connect_to(self, to: Way, watch: Watch) -> tuple[Connection, bool]:
        """A kept one that is alive, else a new one, which `watch` hears of; and whether it has brought a request before."""
        _watch.set(watch)
        connection = await self.connect(self._place(to.origin), [], _NO_LIMIT)
        protocol: Any = connection.protocol
        return connection, protocol.kept

    def _release(self, key: Any, protocol: Any, *, should_close: bool = False) -> None:
        super()._release(key, protocol, should_close=should_close)
        protocol.kept = True

    async def _create_connection(self, req: Any, traces: Any, timeout: Any) -> ResponseHandler:  # noqa: ASYNC109  (aiohttp's)
        _watch.get().dialled(secure=req.is_ssl())
        return await super()._create_connection(req, traces, timeout)

    async def _resolve_host(self, host: str, port: int, traces: Any = None) -> Any:
        # Here, not by aiohttp's traces: these do not say how long a try waits for a look-up that another one has begun.
        found = await super()._resolve_host(host, port, traces)
        _watch.get().looked_up(by_name=literal(host) is None)
        return found
