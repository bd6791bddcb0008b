"""Check 8: nothing happens for a minute, and everybody is still there."""

import asyncio
import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.fakes.receiver import Receiver
from tests.integration.product import Prepared, Product, Servers
from tests.integration.sender import send_all
from tests.integration.viewer import socket_of

pytestmark = [pytest.mark.integration, pytest.mark.crowd, pytest.mark.postgres, pytest.mark.timeout(180)]


async def watch(product: Product, prepared: Prepared, kinds: list[str], everybody: asyncio.Barrier) -> None:
    """Adds the types of the frames that come, up to the first entry."""
    async with socket_of(product, prepared) as socket:
        async for text in socket:
            kinds.append(json.loads(text)["type"])
            if len(kinds) == 1:
                await everybody.wait()
            if kinds[-1] == "logs":
                return
    raise AssertionError(f"the socket closed after {kinds}")


async def ten_watch(product: Product, prepared: Prepared, idle_s: float) -> tuple[list[list[str]], str]:
    """What each got, and since when all ten were there."""
    frames: list[list[str]] = [[] for _ in range(10)]
    everybody = asyncio.Barrier(11)
    watching = [asyncio.create_task(watch(product, prepared, kinds, everybody)) for kinds in frames]
    await everybody.wait()
    opened = datetime.now(UTC).isoformat()
    await asyncio.sleep(idle_s)
    await send_all(product.url, prepared.token, ["after-the-silence"])
    await asyncio.gather(*watching)
    return frames, opened


def test_worker_and_ten_sockets_live_through_an_idle_minute(tmp_path: Path, full: bool) -> None:
    idle_s, beats = (60, 3) if full else (20, 1)
    with Receiver() as receiver, Servers(tmp_path) as product:
        frames, opened = asyncio.run(ten_watch(product, product.prepare(receiver.url), idle_s))
        assert all(kinds[0] == "hello" and kinds.count("heartbeat") >= beats for kinds in frames)
        assert [name for name, process in product.processes.items() if process.poll() is not None] == []
        assert len(receiver.got) == 1
        lines = [json.loads(line) for line in product.logged().splitlines() if line.startswith("{")]
        assert {line["level"] for line in lines if line["timestamp"] > opened} == {"info"}
        assert "Traceback" not in product.logged()
