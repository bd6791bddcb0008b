"""Check 27: clients that keep connections without asking for anything, many posts at once, and what a client says of itself."""

import asyncio
import socket
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

import aiohttp
import psutil
import pytest

from tests.fakes.receiver import Receiver
from tests.integration.figures import Figures
from tests.integration.load import send_evenly
from tests.integration.product import Embedded, Prepared, Product, Servers, Uvicorn
from tests.integration.waiting import OPEN, wait_until

pytestmark = [pytest.mark.integration, pytest.mark.crowd, pytest.mark.timeout(300)]

HEAD = b"POST /server/incoming_data HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
# What a client sends that never gets to the end of a request, and goes on with, piece by piece.
LORISES = {
    "nothing": (b"", b""),
    "half a line": (b"POST /server/inc", b""),
    "a header now and then": (HEAD, b"X-A: b\r\n"),
    "a byte now and then": (b"GET /", b"a"),
    "empty lines": (b"", b"\r\n"),
    "half a body": (HEAD + b"Content-Length: 100000\r\n\r\n[", b"1,"),
    "half a chunk": (HEAD + b"Transfer-Encoding: chunked\r\n\r\nffff\r\n[", b"1,"),
    "a request, then half a one": (b"GET /health/live/ HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\nGET /health", b"/"),
    "a request, then empty lines": (b"GET /health/live/ HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n", b"\r\n"),
}
CONNECTIONS = "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend'"
EACH_POOL = 20
SPOOFED = {
    "X-Forwarded-For": "1.2.3.4", "Forwarded": "for=1.2.3.4;proto=https", "X-Real-IP": "1.2.3.4", "X-Forwarded-Proto": "https",
    "X-Forwarded-Host": "evil.example", "Daphne-Root-Path": "/%ff", "X-Forwarded-Prefix": "/evil", "X_Forwarded_For": "1.2.3.4",
}  # fmt: skip


@pytest.fixture(scope="module", params=[Embedded, Uvicorn], ids=["daphne", "uvicorn"])
def bounded(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    """Impatient, and with room for few."""
    product = request.param(tmp_path_factory.mktemp("product"))
    product.environment |= {"TEST_REQUEST_HEAD_S": "1", "TEST_REQUEST_BODY_S": "2", "TEST_CONNECTIONS_MAX": "60"}
    with product:
        yield product


async def cling(product: Product, beginning: bytes, again: bytes) -> str:
    """How the server ends it."""
    reader, writer = await asyncio.open_connection("127.0.0.1", product.port)
    writer.write(beginning)
    try:
        async with asyncio.timeout(20):
            while not reader.at_eof():
                with suppress(TimeoutError):
                    await asyncio.wait_for(reader.read(1000), 0.2)
                writer.write(again)
                await writer.drain()
    except TimeoutError:
        return "still there"
    except ConnectionError:
        pass
    finally:
        writer.close()
    return "cut off"


@pytest.mark.embedded
def test_who_does_not_come_to_the_end_of_a_request_is_cut_off(bounded: Product) -> None:
    async def all_of_them() -> list[str]:
        return await asyncio.gather(*(cling(bounded, *parts) for parts in LORISES.values()))

    assert dict(zip(LORISES, asyncio.run(all_of_them()), strict=True)) == dict.fromkeys(LORISES, "cut off")


@pytest.mark.embedded
def test_who_asks_is_served_however_many_keep_connections(bounded: Product) -> None:
    with ExitStack() as stack:
        for _ in range(200):
            stack.enter_context(socket.create_connection(("127.0.0.1", bounded.port))).sendall(b"GET /health/live/ HT")
        with socket.create_connection(("127.0.0.1", bounded.port), timeout=10) as client:
            client.sendall(b"GET /health/live/ HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
            assert client.recv(100).startswith(b"HTTP/1.1 200 ")
        process = psutil.Process(next(iter(bounded.processes.values())).pid)
        open_ones = [each for each in process.net_connections("tcp") if each.laddr.port == bounded.port and each.raddr]
        assert len([each for each in open_ones if each.status == psutil.CONN_ESTABLISHED]) <= 60


@pytest.mark.embedded
def test_what_a_client_says_of_itself_has_no_effect(bounded: Product) -> None:
    async def ask(headers: dict[str, str]) -> tuple[int, bytes, str]:
        url = f"{bounded.url}/user/password/change/"
        async with aiohttp.ClientSession() as session, session.get(url, headers=headers, allow_redirects=False) as answer:
            return answer.status, await answer.read(), answer.headers["Location"]

    assert asyncio.run(ask(SPOOFED)) == asyncio.run(ask({}))


class Watch:
    """`with Watch(product) as watch:` then `watch.most`: the most connections that the database had; a file has none."""

    def __init__(self, product: Product) -> None:
        self._product, self._end, self.most = product, threading.Event(), 0
        self._thread = threading.Thread(target=self._count)

    def __enter__(self) -> "Watch":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end.set()
        self._thread.join()

    def _count(self) -> None:
        while isinstance(self._product, Servers) and not self._end.wait(0.05):
            self.most = max(self.most, self._product.sql(CONNECTIONS)[0][0])


async def post_at_once(product: Product, prepared: Prepared, number: int) -> Counter[int]:
    async def one(session: aiohttp.ClientSession, event: int) -> int:
        headers = {"CL-X-TOKEN": prepared.token, "CL-X-EVENT-ID": f"once-{event}", "Content-Type": "application/json"} | SPOOFED
        async with session.post(f"{product.url}/server/incoming_data", data=b'{"n": 1}', headers=headers) as answer:
            return answer.status

    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
        return Counter(await asyncio.gather(*(one(session, event) for event in range(number))))


KINDS = [
    pytest.param(Embedded, marks=pytest.mark.embedded, id="embedded"),
    pytest.param(Servers, marks=pytest.mark.postgres, id="servers"),
]


@pytest.mark.parametrize("kind", KINDS)
def test_many_posts_at_once_beside_slow_ones(tmp_path: Path, kind: type[Product], full: bool, figures: Figures) -> None:
    posts, slow, seconds = (2000, 500, 20) if full else (300, 100, 3)
    with Receiver() as receiver, kind(tmp_path) as product, Watch(product) as watch, ExitStack() as stack:
        prepared = product.prepare(receiver.url, timeout_s=15)
        for _ in range(slow):
            stack.enter_context(socket.create_connection(("127.0.0.1", product.port))).sendall(HEAD)
        answers = asyncio.run(post_at_once(product, prepared, posts))
        load = asyncio.run(send_evenly(product.url, prepared.token, "even", 50, seconds))
        wait_until(lambda: product.sql(OPEN)[0][0] == 0, 120)
        most, processes = watch.most, len(product.processes)
    figures.show("answers at once", dict(answers))
    figures.show("database connections", most)
    figures.at_most("p99 beside the slow ones, s", load.p99(), 0.2)
    assert set(answers) | set(load.answers) <= {202, 200, 503}
    assert answers[202] == posts
    assert most <= EACH_POOL * processes + 3  # the test's own, and that of prepare.py
    assert len(set(receiver.ids())) == posts + len(load.acknowledged)
