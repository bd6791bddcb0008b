"""Which connection brings the next request, too: real sockets."""

import asyncio
from contextlib import suppress

import pytest

from apps.deliveries import sender
from apps.deliveries.network import Guard
from apps.deliveries.request import OutboundRequest
from apps.deliveries.sender import Sender
from tests.unit.test_network import LOOPBACK
from tests.unit.test_sender import OK, serving


async def send_three(url: str, body: bytes, timeout_s: float = 10) -> None:
    async with Sender(Guard(LOOPBACK)) as own:
        for _ in range(3):
            assert (await own.send(OutboundRequest("POST", url, (), body, timeout_s))).success


async def test_one_is_used_again() -> None:
    opened = list[int]()

    async def answers(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        opened.append(1)
        with suppress(asyncio.IncompleteReadError):
            while await reader.readexactly(2):
                writer.write(OK)
                await reader.readuntil(b"\r\n\r\n")

    async with serving(answers) as url:
        await send_three(url, b"{}")
    assert len(opened) == 1


async def test_who_answers_before_it_has_read_gets_the_rest_and_no_other_request_behind_it() -> None:
    """As a receiver may that answers, and then works."""
    got = asyncio.Queue[int]()

    async def answers_early(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(OK)
        await asyncio.sleep(0.2)
        got.put_nowait(len(await reader.read()))

    async with asyncio.timeout(30), serving(answers_early) as url:
        await send_three(url, b"x" * 16_000_000)
        assert [await got.get() for _ in range(3)] == [16_000_000] * 3


async def test_who_answers_and_never_reads_is_let_go(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sender, "_LEFT_S", 0.1)
    gone = asyncio.Semaphore(0)

    async def never_reads(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(OK)
        with suppress(ConnectionError):
            while True:  # until nobody is at the other end
                await asyncio.sleep(0.05)
                writer.write(b"x")
                await writer.drain()
        gone.release()

    async with asyncio.timeout(30), serving(never_reads) as url:
        await send_three(url, b"x" * 16_000_000, timeout_s=0.2)
        assert [await gone.acquire() for _ in range(3)] == [True] * 3
