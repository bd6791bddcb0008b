"""One try against real small servers, most of them ill-behaved."""

import asyncio
import errno
import gzip
import socket
import ssl
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest
from aiohttp.connector import AddrInfoType

from apps.common.addresses import Policy
from apps.deliveries.network import Guard
from apps.deliveries.request import Error, OutboundRequest, Outcome
from apps.deliveries.sender import OurFault, Sender
from tests.fakes.receiver import Receiver, Reply
from tests.unit.test_network import LOOPBACK

Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
BRIEFLY = 0.3  # seconds, for tries that must end by their timeout


@asynccontextmanager
async def serving(handler: Handler, tls: ssl.SSLContext | None = None) -> AsyncIterator[str]:
    """A raw server for as long as the block lasts; gives its URL."""

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        try:
            await handler(reader, writer)
        except ConnectionError:
            pass  # the sender has had enough, which is what some tests are about
        finally:
            writer.close()

    server = await asyncio.start_server(handle, "127.0.0.1", 0, ssl=tls)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/hook"


def answering(raw: bytes) -> Handler:
    async def handler(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(raw)
        await writer.drain()

    return handler


async def send(url: str, timeout_s: float = 10, policy: Policy = LOOPBACK, method: str = "POST") -> Outcome:
    body = None if method == "GET" else b'{"total": 1.10}'
    async with Sender(Guard(policy)) as sender:
        return await sender.send(OutboundRequest(method, url, (("X-Key", "k"),), body, timeout_s))


@pytest.mark.parametrize("status", [200, 201, 202, 204, 206, 299])
async def test_any_2xx_is_success(status: int) -> None:
    async with serving(answering(b"HTTP/1.1 %d Fine\r\nContent-Length: 0\r\n\r\n" % status)) as url:
        outcome = await send(url)
    assert (outcome.success, outcome.response_status) == (True, status)


@pytest.mark.parametrize("status", [99, 400, 401, 404, 410, 418, 429, 500, 503, 599])
async def test_any_other_status_is_a_failed_try_that_keeps_the_answer(status: int) -> None:
    async with serving(answering(b"HTTP/1.1 %03d No\r\nX-Why: because\r\nContent-Length: 2\r\n\r\nno" % status)) as url:
        outcome = await send(url)
    assert (outcome.error, outcome.response_status) == (Error.HTTP_STATUS, status)
    assert ("X-Why", "because") in outcome.response_headers
    assert outcome.response_body == b"no"


@pytest.mark.parametrize("status", [300, 301, 302, 303, 304, 305, 307, 308])
async def test_a_redirect_is_never_followed(status: int, receiver: Receiver) -> None:
    location = receiver.url.encode()
    async with serving(answering(b"HTTP/1.1 %d Go\r\nLocation: %s\r\nContent-Length: 0\r\n\r\n" % (status, location))) as url:
        outcome = await send(url)
    assert (outcome.error, outcome.response_status, receiver.got) == (Error.HTTP_STATUS, status, [])


async def test_only_what_was_asked_for_goes_on_the_wire(receiver: Receiver) -> None:
    await send(receiver.url)
    await send(receiver.url, method="GET")
    post, get = receiver.got
    host = ("Host", receiver.url.split("/")[2])
    assert post.headers == (host, ("X-Key", "k"), ("Content-Length", "15"))
    assert post.body == b'{"total": 1.10}'
    assert get.headers == (host, ("X-Key", "k"))


async def test_a_line_break_in_a_header_goes_nowhere(receiver: Receiver) -> None:
    request = OutboundRequest("POST", receiver.url, (("X-Key", "k\r\nX-Evil: 1"),), b"{}", 10)
    async with Sender(Guard(LOOPBACK)) as sender:
        outcome = await sender.send(request)
    assert (outcome.error, receiver.got) == (Error.CONNECTION_FAILED, [])


async def test_a_refused_connection_is_told_apart() -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        outcome = await send(f"http://127.0.0.1:{closed.getsockname()[1]}/")
    assert outcome.error is Error.CONNECTION_REFUSED
    assert outcome.response_status is None


async def test_a_reset_connection_is_told_apart() -> None:
    async def reset(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        linger = struct.pack("ii", 1, 0)  # close() then sends RST
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)

    async with serving(reset) as url:
        assert (await send(url)).error is Error.CONNECTION_CLOSED


@pytest.mark.parametrize(
    ("raw", "error"),
    [
        (b"", Error.CONNECTION_CLOSED),
        (b"SSH-2.0-OpenSSH_9.2\r\n", Error.INVALID_RESPONSE),
        (b"\x16\x03\x01\x00\x00\r\n\r\n", Error.INVALID_RESPONSE),
        (b"220 mail.example ESMTP\r\n", Error.INVALID_RESPONSE),
        (b"HTTP/1.1 OK\r\n\r\n", Error.INVALID_RESPONSE),
        (b"HTTP/1.1 99999 OK\r\n\r\n", Error.INVALID_RESPONSE),
        (b"HTTP/1.1 200 OK\r\nno colon\r\n\r\n", Error.INVALID_RESPONSE),
        (b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n", Error.INVALID_RESPONSE),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nx", Error.INVALID_RESPONSE),
        (b"HTTP/1.1 200 OK\r\nX: " + b"a" * 100_000 + b"\r\n\r\n", Error.INVALID_RESPONSE),
    ],
)
async def test_garbage_becomes_a_code_of_the_closed_list(raw: bytes, error: Error) -> None:
    async with serving(answering(raw)) as url:
        assert (await send(url)).error is error


@pytest.mark.parametrize("status", [200, 410, 500])
@pytest.mark.parametrize("body", [b"Content-Length: 9\r\n\r\nhalf", b"Transfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n5\r\nha"])
async def test_a_body_that_is_cut_off_takes_nothing_from_its_status(status: int, body: bytes) -> None:
    """What was accepted is not sent again."""
    async with serving(answering(b"HTTP/1.1 %d Said\r\n%s" % (status, body))) as url:
        outcome = await send(url)
    assert (outcome.success, outcome.response_status, outcome.response_body[:4]) == (status == 200, status, b"half")


@pytest.mark.parametrize("method", ["POST", "GET"])
async def test_a_kept_connection_that_the_receiver_has_closed_costs_no_try(method: str) -> None:
    async def closes_soon(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        await writer.drain()
        await asyncio.sleep(0.001)

    async with serving(closes_soon) as url, Sender(Guard(LOOPBACK)) as sender:
        request = OutboundRequest(method, url, (("X-Key", "k"),), None, 10)
        outcomes = [await sender.send(request) for _ in range(100)]
    assert {outcome.error for outcome in outcomes} == {Error.NONE}


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
@pytest.mark.parametrize("tls", [True, False])
async def test_a_certificate_that_nobody_vouches_for_or_none_at_all_is_a_failure_of_tls(
    host: str, tls: bool, self_signed: ssl.SSLContext
) -> None:
    async def plain(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(OK)
        writer.close()

    server = await asyncio.start_server(plain, "127.0.0.1", 0, ssl=self_signed if tls else None)
    async with server:
        outcome = await send(f"https://{host}:{server.sockets[0].getsockname()[1]}/")
    assert outcome.error is Error.TLS_FAILED


async def test_an_endless_body_is_read_to_a_bound_and_its_connection_ends() -> None:
    ended = asyncio.Event()

    async def endless(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        try:
            while True:
                writer.write(b"x" * 65_536)
                await writer.drain()
        except ConnectionError:
            ended.set()

    async with serving(endless) as url:
        outcome = await send(url)
        await asyncio.wait_for(ended.wait(), 10)
    assert outcome.success
    assert outcome.response_body == b"x" * (1024 + 3 * 4096)


@pytest.mark.parametrize("drips", [True, False])
async def test_a_body_that_does_not_end_ends_with_the_try_and_takes_nothing_from_its_status(drips: bool) -> None:
    async def slow(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
        while drips and not writer.is_closing():
            writer.write(b"x")
            await asyncio.sleep(0.02)
        await reader.read()  # until the sender has had enough

    async with serving(slow) as url:
        outcome = await send(url, BRIEFLY)
    assert (outcome.error, outcome.response_status) == (Error.NONE, 200)
    assert set(outcome.response_body) == (set(b"x") if drips else set())


async def test_a_server_that_only_promises_ends_with_the_timeout() -> None:
    async def promising(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while not writer.is_closing():
            writer.write(b"HTTP/1.1 103 Early Hints\r\n\r\n")
            await asyncio.sleep(0.02)

    async with serving(promising) as url:
        assert (await send(url, BRIEFLY)).error is Error.TIMEOUT


async def test_a_gzip_bomb_is_kept_packed() -> None:
    bomb = gzip.compress(bytes(50_000_000))
    head = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(bomb)
    async with serving(answering(head + bomb)) as url:
        outcome = await send(url)
    assert outcome.success
    assert outcome.response_body == bomb[: 1024 + 3 * 4096]


async def test_a_cookie_is_not_kept_from_one_request_to_the_next(receiver: Receiver) -> None:
    receiver.answer = lambda _: Reply(headers={"Set-Cookie": "tenant=a; Path=/"})
    async with Sender(Guard(LOOPBACK)) as sender:
        for _ in range(2):
            await sender.send(OutboundRequest("POST", receiver.url.replace("127.0.0.1", "localhost"), (), b"{}", 10))
            await sender.send(OutboundRequest("POST", receiver.url, (), b"{}", 10))
    assert [request.header("Cookie") for request in receiver.got] == [""] * len(receiver.got)
    assert len(receiver.got) >= 2


async def test_any_bytes_of_an_answer_become_text_that_a_database_takes() -> None:
    raw = b"HTTP/1.1 200 \xff\r\nX-Odd: a\xff\xc3\xa4\x80\tb\r\nContent-Length: 2\r\n\r\n\x00\xff"
    async with serving(answering(raw)) as url:
        outcome = await send(url)
    assert outcome.success
    assert ("X-Odd", "aÿÃ¤b") in outcome.response_headers
    assert outcome.response_body == b"\x00\xff"


async def test_a_name_that_leads_to_a_forbidden_address_answers_like_one_that_does_not_resolve(receiver: Receiver) -> None:
    by_name = await send(receiver.url.replace("127.0.0.1", "localhost"), policy=Policy())
    by_address = await send(receiver.url, policy=Policy())
    nobody = await send("http://no-such-name.invalid/")
    assert [by_name.error, by_address.error, nobody.error] == [Error.DNS_FAILED, Error.ADDRESS_FORBIDDEN, Error.DNS_FAILED]
    assert receiver.got == []


async def test_a_proxy_in_the_environment_is_not_asked(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:2")
    assert (await send(receiver.url)).success


async def test_hundreds_of_hung_receivers_stop_nobody() -> None:
    all_here = asyncio.Barrier(150)

    async def when_all_are_here(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await all_here.wait()
        writer.write(OK)

    async with serving(when_all_are_here) as url, Sender(Guard(LOOPBACK)) as sender:
        request = OutboundRequest("POST", url, (), b"{}", 20)
        outcomes = await asyncio.gather(*(sender.send(request) for _ in range(150)))
    assert all(outcome.success for outcome in outcomes)


@pytest.mark.parametrize("number", [errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.ENOBUFS])
async def test_a_want_of_our_own_resources_is_no_try(number: int) -> None:
    def exhausted(_: AddrInfoType) -> socket.socket:
        raise OSError(number, "exhausted")

    async with Sender(exhausted) as sender:
        with pytest.raises(OurFault):
            await sender.send(OutboundRequest("POST", "http://127.0.0.1/", (), b"{}", 5))
