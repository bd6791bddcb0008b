"""Bounds on Daphne's connections, as datapusher/protocol.py sets uvicorn's: slow ones, large heads, too many."""

from typing import Any

from apps.common.connections import HEAD_MAX, HEADERS_MAX, Connections

# Connections that the system completes before we take them.
_BACKLOG = 2048


def with_backlog(endpoint: str) -> str:
    """Twisted's own is 50: of 2,000 clients at once most would wait for the system to try again, a second and more."""
    return f"{endpoint}:backlog={_BACKLOG}"


def bound(channel_class: Any, connections: Connections) -> None:
    """Changes Twisted's class of connections."""
    channel_class.maxHeaders, channel_class.totalHeadersSize = HEADERS_MAX, HEAD_MAX
    _count(channel_class, connections)
    _give_time(channel_class, connections)
    _refuse_odd_lines(channel_class)


def _count(channel_class: Any, connections: Connections) -> None:
    made = channel_class.connectionMade

    def connection_made(channel: Any) -> None:
        made(channel)
        transport = channel.transport
        end = transport.connectionLost

        def connection_lost(reason: object) -> None:
            """Of the transport: a live socket has taken it over from the channel by then."""
            connections.closed(transport)
            end(reason)

        transport.connectionLost = connection_lost
        connections.opened(transport, transport.abortConnection)

    channel_class.connectionMade = connection_made


def _give_time(channel_class: Any, connections: Connections) -> None:
    """So much to a head, so much to a body."""
    received = channel_class.dataReceived
    head_there, all_there = channel_class.allHeadersReceived, channel_class.allContentReceived

    def data_received(channel: Any, data: bytes) -> None:
        received(channel, data)
        if not channel._handlingRequest:
            connections.awaits_head(channel.transport)

    def all_headers_received(channel: Any) -> None:
        connections.came(channel.transport)
        head_there(channel)
        if channel.length != 0:
            connections.awaits_body(channel.transport)

    def all_content_received(channel: Any) -> None:
        connections.came(channel.transport)
        all_there(channel)

    channel_class.dataReceived = data_received
    channel_class.allHeadersReceived, channel_class.allContentReceived = all_headers_received, all_content_received


def _refuse_odd_lines(channel_class: Any) -> None:
    """What two readers read differently: a header folded onto a second line (RFC 9112, 5.2), a tunnel."""
    line_taken = channel_class.lineReceived

    def line_received(channel: Any, line: bytes) -> None:
        if line.startswith((b" ", b"\t", b"CONNECT ")):
            channel._respondToBadRequestAndDisconnect()
        else:
            line_taken(channel, line)

    channel_class.lineReceived = line_received


def guard(request_class: Any) -> None:
    """Changes Daphne's class of requests: a client does not name the root path, and words that it cannot read are no error."""
    process = request_class.process

    def guarded(request: Any) -> Any:
        request.requestHeaders.removeHeader(b"Daphne-Root-Path")
        if all(value.isascii() for value in request.requestHeaders.getRawHeaders(b"Sec-WebSocket-Protocol", [])):
            return process(request)
        return request.basic_error(400, b"Bad Request", "Invalid header value")

    request_class.process = guarded
