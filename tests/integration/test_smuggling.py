"""Requests that two readers take for different ones: under each server one request is one, or it is refused."""

import asyncio
import re
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from tests.integration.product import Embedded, Prepared, Product, Uvicorn

pytestmark = [pytest.mark.integration, pytest.mark.embedded, pytest.mark.timeout(120)]

# Seconds of silence after which nothing more is expected: below those after which idle connections are closed.
_SILENCE_S = 1.5
_STATUS = re.compile(rb"HTTP/1\.[01] (\d{3}) ")


def post(event_id: str, head: str, body: str, line: str = "POST /server/incoming_data HTTP/1.1", end: str = "\r\n") -> str:
    """`head` has the headers about the body's length, and odd ones. What is in braces is filled in by `Case.bytes`."""
    first = [line, "Host: 127.0.0.1", "CL-X-TOKEN: {token}", f"CL-X-EVENT-ID: {event_id}", "Content-Type: application/json"]
    return end.join([*first, *([head] if head else []), "", ""]) + body


LENGTH = "Content-Length: {}"
CHUNKED = "Transfer-Encoding: chunked"
INNER = post("inner-{name}", LENGTH.format(2), "{{}}")


@dataclass(frozen=True)
class Case:
    raw: str
    fine: bool = False
    """It is no trick, and must be stored."""

    def bytes(self, name: str, token: str) -> bytes:
        """{n}: the length of `{}` and the inner request; {inner}: that of the inner request alone."""
        inner = len(INNER.format(name=name, token=token))
        return self.raw.format(name=name, token=token, n=inner + 2, inner=inner).encode("latin-1")


def outer(head: str, body: str, *, fine: bool = False, **more: str) -> Case:
    return Case(post("outer-{name}", head, body, **more), fine)


CASES = {
    "a-length": outer(LENGTH.format(2), "{{}}", fine=True),
    "chunks": outer(CHUNKED, "2\r\n{{}}\r\n0\r\n\r\n", fine=True),
    "chunks-in-capitals": outer("TRANSFER-ENCODING: Chunked", "2\r\n{{}}\r\n0\r\n\r\n", fine=True),
    "chunk-extension": outer(CHUNKED, '2;a=b;c="d"\r\n{{}}\r\n0;x\r\n\r\n', fine=True),
    "trailers": outer(CHUNKED, "2\r\n{{}}\r\n0\r\nX-A: b\r\n\r\n", fine=True),
    "h2c": outer(
        "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n" + LENGTH.format(2),
        "{{}}",
        fine=True,
    ),
    "h2c-in-chunks": outer("Upgrade: h2c\r\nConnection: Upgrade\r\n" + CHUNKED, "2\r\n{{}}\r\n0\r\n\r\n", fine=True),
    "tls-upgrade": outer("Upgrade: TLS/1.2, HTTP/2.0\r\nConnection: upgrade\r\n" + LENGTH.format(2), "{{}}", fine=True),
    "expects": outer("Expect: 100-continue\r\n" + LENGTH.format(2), "{{}}", fine=True),
    "length-and-chunks": outer(f"{LENGTH.format('{n}')}\r\n{CHUNKED}", "0\r\n\r\n" + INNER),
    "chunks-and-length": outer(f"{CHUNKED}\r\n{LENGTH.format(2)}", "2\r\n{{}}\r\n0\r\n\r\n" + INNER),
    "two-lengths": outer(f"{LENGTH.format(2)}\r\n{LENGTH.format('{n}')}", "{{}}" + INNER),
    "two-lengths-turned": outer(f"{LENGTH.format('{n}')}\r\n{LENGTH.format(2)}", "{{}}" + INNER),
    "a-length-twice": outer(f"{LENGTH.format(2)}\r\n{LENGTH.format(2)}", "{{}}"),
    "lengths-in-a-list": outer(LENGTH.format("2, {n}"), "{{}}" + INNER),
    "length-with-a-sign": outer(LENGTH.format("+2"), "{{}}"),
    "negative-length": outer(LENGTH.format("-2"), "{{}}" + INNER),
    "length-in-hex": outer(LENGTH.format("0x2"), "{{}}"),
    "length-with-a-line": outer(LENGTH.format("1_0"), "{{}}" + INNER),
    "length-with-a-space": outer("Content-Length : 2", "{{}}" + INNER),
    "length-folded": outer("Content-Length:\r\n 2", "{{}}" + INNER),
    "chunks-folded": outer(f"Transfer-Encoding:\r\n chunked\r\n{LENGTH.format('{n}')}", "0\r\n\r\n" + INNER),
    "chunks-with-a-space": outer(f"Transfer-Encoding : chunked\r\n{LENGTH.format('{n}')}", "0\r\n\r\n" + INNER),
    "chunks-after-a-tab": outer(f"Transfer-Encoding:\tchunked\r\n{LENGTH.format('{n}')}", "0\r\n\r\n" + INNER),
    "chunks-and-a-feed": outer(f"Transfer-Encoding: \x0bchunked\r\n{LENGTH.format('{n}')}", "0\r\n\r\n" + INNER),
    "chunks-twice": outer(f"{CHUNKED}\r\n{CHUNKED}", "2\r\n{{}}\r\n0\r\n\r\n" + INNER),
    "chunks-of-chunks": outer("Transfer-Encoding: chunked, chunked", "2\r\n{{}}\r\n0\r\n\r\n" + INNER),
    "chunks-and-more": outer("Transfer-Encoding: chunked, identity", "2\r\n{{}}\r\n0\r\n\r\n" + INNER),
    "cow": outer(f"Transfer-Encoding: cow\r\n{LENGTH.format('{n}')}", "{{}}" + INNER),
    "xchunked": outer(f"Transfer-Encoding: xchunked\r\n{LENGTH.format('{n}')}", "0\r\n\r\n" + INNER),
    "chunks-of-http-1.0": outer(CHUNKED, "2\r\n{{}}\r\n0\r\n\r\n" + INNER, line="POST /server/incoming_data HTTP/1.0"),
    "bare-line-feeds": outer(LENGTH.format(2), "{{}}", end="\n"),
    "a-bare-line-feed": outer(f"X-A: b\nContent-Length: {{n}}\r\n{LENGTH.format(2)}", "{{}}" + INNER),
    "a-bare-return": outer(f"X-A: b\rContent-Length: {{n}}\r\n{LENGTH.format(2)}", "{{}}" + INNER),
    "a-nul": outer(f"X-A: b\0c\r\n{LENGTH.format(2)}", "{{}}"),
    "chunk-of-a-line-feed": outer(CHUNKED, "2;\n{{}}\r\n0\r\n\r\n" + INNER),
    "chunk-in-hex": outer(CHUNKED, "0x2\r\n{{}}\r\n0\r\n\r\n" + INNER),
    "chunk-of-an-age": outer(CHUNKED, "fffffffffffffffff2\r\n{{}}\r\n0\r\n\r\n" + INNER),
    "chunk-of-less": outer(CHUNKED, "1\r\n{{}}\r\n0\r\n\r\n" + INNER),
    "chunk-without-an-end": outer(CHUNKED, "2\r\n{{}}0\r\n\r\n" + INNER),
    "chunk-after-a-space": outer(CHUNKED, " 2\r\n{{}}\r\n0\r\n\r\n" + INNER),
    "a-folded-first-header": outer(LENGTH.format(2), "{{}}", line="POST /server/incoming_data HTTP/1.1\r\n X: y"),
    "no-colon": outer(f"X-A\r\n{LENGTH.format(2)}", "{{}}"),
    "no-name": outer(f": b\r\n{LENGTH.format(2)}", "{{}}"),
    "connect": outer(LENGTH.format(2), "{{}}" + INNER, line="CONNECT 127.0.0.1:80 HTTP/1.1"),
    "no-version": outer(LENGTH.format(2), "{{}}", line="POST /server/incoming_data"),
    "version-2": outer(LENGTH.format(2), "{{}}", line="POST /server/incoming_data HTTP/2.0"),
    "two-spaces": outer(LENGTH.format(2), "{{}}", line="POST  /server/incoming_data  HTTP/1.1"),
    "a-get-with-a-body": outer(LENGTH.format("{inner}"), INNER, line="GET /health/live/ HTTP/1.1"),
    "a-socket-with-a-body": outer(
        "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
        "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n" + LENGTH.format("{n}"),
        "{{}}" + INNER,
    ),
    "too-many-headers": outer("\r\n".join(["X-A: b"] * 200) + "\r\n" + LENGTH.format(2), "{{}}"),
    "too-large-a-head": outer("\r\n".join([f"X-A: {'b' * 4000}"] * 5) + "\r\n" + LENGTH.format(2), "{{}}"),
    "too-large-a-header": outer(f"X-A: {'b' * 20_000}\r\n{LENGTH.format(2)}", "{{}}"),
    "http/2": Case("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0"),
    "tls": Case("\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03"),
}


async def send(product: Product, raw: bytes) -> list[int]:
    """The statuses of all answers, until the connection ends or nothing more is said."""
    reader, writer = await asyncio.open_connection("127.0.0.1", product.port)
    writer.write(raw)
    said = b""
    try:
        while chunk := await asyncio.wait_for(reader.read(65_536), _SILENCE_S):
            said += chunk
    except (TimeoutError, ConnectionError):
        pass
    writer.close()
    return [int(status) for status in _STATUS.findall(said) if status != b"100"]


@pytest.fixture(scope="module", params=[Embedded, Uvicorn], ids=["daphne", "uvicorn"])
def product(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    with request.param(tmp_path_factory.mktemp("product")) as running:
        yield running


@pytest.fixture(scope="module")
def account(product: Product) -> Prepared:
    return product.prepare()


async def send_all(product: Product, account: Prepared, prefix: str = "") -> dict[str, list[int]]:
    raws = [case.bytes(prefix + name, account.token) for name, case in CASES.items()]
    return dict(zip(CASES, await asyncio.gather(*(send(product, raw) for raw in raws)), strict=True))


def test_one_request_is_one_or_it_is_refused(product: Product, account: Prepared) -> None:
    answers = asyncio.run(send_all(product, account))
    stored = {str(row[0]): bytes(row[1]) for row in product.sql("SELECT event_id, body FROM events_event")}
    fine = {name for name, case in CASES.items() if case.fine}
    assert {name: answers[name] for name in fine} == {name: [202] for name in fine}
    assert {name for name in stored if name.startswith("inner-")} == set()
    assert {name for name, statuses in answers.items() if (202 in statuses) != (f"outer-{name}" in stored)} == set()
    assert set(stored.values()) == {b"{}"}
    assert {
        name: got
        for name, got in answers.items()
        if any(status >= 500 for status in got) or 200 <= max(got[1:], default=0) < 300
    } == {}


def test_two_requests_behind_each_other_are_two(product: Product, account: Prepared) -> None:
    one, two = (post(f"behind-{number}", LENGTH.format(2), "{{}}") for number in (1, 2))
    assert asyncio.run(send(product, (one + two).format(token=account.token).encode())) == [202, 202]


def test_garbage_behind_a_request_takes_nothing_from_its_answer(product: Product, account: Prepared) -> None:
    raw = post("before-garbage", LENGTH.format(2), "{{}}").format(token=account.token) + "\0\1garbage\r\n\r\n"
    first, *others = asyncio.run(send(product, raw.encode()))
    assert first == 202
    assert set(others) <= {400}


def test_the_server_is_well_after_all_that(product: Product, account: Prepared) -> None:
    asyncio.run(send_all(product, account, "again-"))
    raw = post("after-all", LENGTH.format(2), "{{}}").format(token=account.token)
    assert asyncio.run(send(product, raw.encode())) == [202]
    assert "Traceback" not in product.logged()
