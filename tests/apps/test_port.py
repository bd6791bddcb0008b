"""The worker's own port: two pages for operators, and nothing that a stranger sends can hold it up."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress

import pytest
import pytest_asyncio
from django.conf import LazySettings

from apps.deliveries import port
from tests.integration.product import free_port


@pytest_asyncio.fixture
async def listening(store: None, settings: LazySettings) -> AsyncIterator[None]:
    settings.HOST, settings.METRICS_PORT = "127.0.0.1", free_port()
    serving = asyncio.create_task(port.serve())
    yield
    serving.cancel()
    await asyncio.wait({serving})


async def connected(settings: LazySettings) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    while True:
        try:
            return await asyncio.open_connection("127.0.0.1", settings.METRICS_PORT)
        except ConnectionRefusedError:
            await asyncio.sleep(0.01)


async def ask(settings: LazySettings, request: bytes) -> str:
    """All that is answered until the connection ends."""
    async with asyncio.timeout(15):
        reader, writer = await connected(settings)
        writer.write(request)
        answer = await reader.read()
        writer.close()
        return answer.decode()


def head(method: str, path: str, *headers: str) -> bytes:
    return "\r\n".join([f"{method} {path} HTTP/1.1", "Host: 10.0.0.1", *headers, "", ""]).encode("latin-1")


async def test_it_says_that_the_worker_lives(listening: None, settings: LazySettings) -> None:
    answer = await ask(settings, head("GET", "/health/live/"))
    assert answer.startswith("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 16\r\n")
    assert answer.endswith('\r\n\r\n{"status": "ok"}')


async def test_it_has_the_workers_numbers(listening: None, settings: LazySettings) -> None:
    answer = await ask(settings, head("GET", "/metrics?a=b"))
    assert answer.startswith("HTTP/1.1 200 OK\r\nContent-Type: text/plain; version=0.0.4")
    assert "\ndatapusher_database_up 1.0\n" in answer
    assert "\ndatapusher_claim_seconds_count " in answer


async def test_a_head_is_the_same_without_its_body(listening: None, settings: LazySettings) -> None:
    answer = await ask(settings, head("HEAD", "/health/live"))
    assert "Content-Length: 16\r\n" in answer
    assert answer.endswith("\r\n\r\n")


@pytest.mark.parametrize(
    ("request_", "line"),
    [
        (head("GET", "/"), "404 Not Found"),
        (head("GET", "/health/ready/"), "404 Not Found"),
        (head("GET", "/server/incoming_data"), "404 Not Found"),
        (head("POST", "/metrics"), "405 Method Not Allowed"),
        (head("GET", "/metrics"), "401 Unauthorized"),
        (head("GET", "/metrics", "Authorization: Bearer wrong"), "401 Unauthorized"),
        (head("GET", "/metrics", "AUTHORIZATION:bearer hunter2"), "200 OK"),
        (head("GET", "/health/live/"), "200 OK"),
    ],
    ids=ascii,
)
async def test_each_is_answered_by_its_line(listening: None, settings: LazySettings, request_: bytes, line: str) -> None:
    settings.METRICS_TOKEN = "hunter2"
    assert (await ask(settings, request_)).startswith(f"HTTP/1.1 {line}\r\n")


GARBAGE = [
    b"\r\n\r\n",
    b"GET\r\n\r\n",
    b"\x16\x03\x01\x02\x00\r\n\r\n",
    b"GET /metrics HTTP/1.1 x\r\n\r\n",
    b"a" * 100_000,
    b"",
]


@pytest.mark.parametrize("request_", GARBAGE, ids=lambda text: ascii(text[:20]))
async def test_what_is_no_request_ends_its_connection_only(
    listening: None, settings: LazySettings, monkeypatch: pytest.MonkeyPatch, request_: bytes
) -> None:
    with monkeypatch.context() as hasty, suppress(ConnectionResetError):
        hasty.setattr(port, "_PATIENCE_S", 0.2)
        assert await ask(settings, request_) == ""
    assert "200 OK" in await ask(settings, head("GET", "/health/live/"))


async def test_a_port_that_is_in_use_is_taken_when_it_is_free(
    store: None, settings: LazySettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(port, "_AGAIN_S", 0.02)
    settings.HOST, settings.METRICS_PORT = "127.0.0.1", free_port()
    other = await asyncio.start_server(lambda *_: None, "127.0.0.1", settings.METRICS_PORT)
    serving = asyncio.create_task(port.serve())
    await asyncio.sleep(0.1)
    assert not serving.done()
    other.close()
    assert "200 OK" in await ask(settings, head("GET", "/health/live/"))
    serving.cancel()
    await asyncio.wait({serving})
