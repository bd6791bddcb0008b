"""uvicorn's protocols, with bounds on connections, and without any upgrade but to a live socket."""

import asyncio
from enum import Enum
from typing import Any

import httptools
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

from apps.common.connections import HEAD_MAX, HEADERS_MAX, Connections, most

# Seconds that the other side may take to read what fills the buffers on the way to it.
_UNREAD_S = 30.0
# Seconds that a live socket's reader has for what was written last.
_LAST_READ_S = 5
_INVALID = "Invalid HTTP request received."


class Part(Enum):
    """What of a request is to come."""

    BEGINNING = "beginning"
    HEAD = "head"
    BODY = "body"


# Of the process, which has one server.
connections = Connections(most())


class TooLarge(Exception):
    """A request's head. httptools makes it an error of its own."""


class Bounded(asyncio.Protocol):
    """Of both protocols: counts the connection, and cuts it off when it stands still with what we have written to it."""

    transport: Any
    _unread: asyncio.TimerHandle | None = None

    def connection_lost(self, exc: Exception | None) -> None:
        connections.closed(self.transport)
        self._is_read()
        super().connection_lost(exc)

    def pause_writing(self) -> None:
        super().pause_writing()
        self._unread = asyncio.get_running_loop().call_later(_UNREAD_S, self.transport.abort)

    def resume_writing(self) -> None:
        super().resume_writing()
        self._is_read()

    def _is_read(self) -> None:
        if self._unread is not None:
            self._unread.cancel()


class HttpProtocol(Bounded, HttpToolsProtocol):
    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        self._begin(Part.BEGINNING)
        self._awaited: Part | None = Part.BEGINNING
        self._ended = False  # nothing more is read here: a live socket has taken over, or what came is no HTTP
        connections.opened(transport, transport.abort)

    def data_received(self, data: bytes) -> None:
        if self._ended:
            return
        in_head = self._part is Part.HEAD
        self._unset_keepalive_if_required()
        self._feed(data)
        if in_head and self._part is Part.HEAD:  # httptools keeps a header to itself until it is whole
            self._unfinished += len(data)
            if self._unfinished > HEAD_MAX:
                self._refuse()
        if not self._ended:
            self._await_what_is_missing()

    def _feed(self, data: bytes) -> None:
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserError:
            self._refuse()
        except httptools.HttpParserUpgrade as upgrade:
            if self._should_upgrade():
                self._ended = True
                connections.came(self.transport)
                self.handle_websocket_upgrade()
            else:
                self._go_on(data[upgrade.args[0] :])

    def _refuse(self) -> None:
        """What came is no HTTP. A request before it gets its answer first, and the connection ends with that."""
        self._ended = True
        connections.came(self.transport)
        if self._part is not Part.BODY and self._is_answering():
            self.cycle.keep_alive = False
        elif not self.transport.is_closing():
            self.send_400_response(_INVALID)

    def _is_answering(self) -> bool:
        return bool(self.cycle) and not self.cycle.response_complete

    def _go_on(self, rest: bytes) -> None:
        """A server need not upgrade (RFC 9110, 7.8). httptools ends such a request with its head: it gets the head again,
        without the wish, and then the body."""
        if self._method == b"CONNECT":
            self._refuse()
            return
        wishes = {b"upgrade", b"http2-settings"}
        lines = [b"%b %b HTTP/%b" % (self._method, self.url, self._version)]
        lines += [b"%b: %b" % pair for pair in self.headers if pair[0] not in wishes]
        self.parser = httptools.HttpRequestParser(self)
        self.parser.set_dangerous_leniencies(lenient_data_after_close=True)  # as uvicorn's own
        self._feed(b"\r\n".join([*lines, b"", rest]))

    def _await_what_is_missing(self) -> None:
        """Unless an answer is being made, or the server's own time between two requests runs, the client has its time."""
        idle = self._is_answering() or self.timeout_keep_alive_task is not None
        missing = None if self._part is Part.BEGINNING and idle else self._part
        if missing is not self._awaited:
            connections.came(self.transport)
            if missing is Part.BODY:
                connections.awaits_body(self.transport)
            elif missing is not None:
                connections.awaits_head(self.transport)
            self._awaited = missing

    def _begin(self, part: Part) -> None:
        self._part = part
        self._head = self._unfinished = 0

    def _count(self, size: int) -> None:
        self._head += size
        if self._head > HEAD_MAX or len(self.headers) > HEADERS_MAX:
            raise TooLarge

    def _wishes(self) -> bool:
        """Whether this is the head of a request that will be said again without an upgrade."""
        return self.parser.should_upgrade() and not self._should_upgrade()

    def on_message_begin(self) -> None:
        self._begin(Part.HEAD)
        super().on_message_begin()

    def on_url(self, url: bytes) -> None:
        super().on_url(url)
        self._count(len(url))

    def on_header(self, name: bytes, value: bytes) -> None:
        super().on_header(name, value)
        self._count(len(name) + len(value) + 4)  # colon, space, line end

    def on_headers_complete(self) -> None:
        self._part = Part.BODY
        self._method, self._version = self.parser.get_method(), self.parser.get_http_version().encode()
        if not self._wishes():
            super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        if not self._wishes():
            super().on_body(body)

    def on_message_complete(self) -> None:
        self._part = Part.BEGINNING
        if not self._wishes():
            super().on_message_complete()


class SocketProtocol(Bounded, WebSocketsSansIOProtocol):
    """Ends a connection whose reader takes nothing. uvicorn's own closing waits until all that was written is read."""

    async def run_asgi(self) -> None:
        await super().run_asgi()
        self.loop.call_later(_LAST_READ_S, self.transport.abort)

    def keepalive_timeout(self) -> None:
        super().keepalive_timeout()
        self.loop.call_later(_LAST_READ_S, self.transport.abort)
