"""Check 8: nothing happens for a minute, and everybody is still there."""

import asyncio
import json
from pathlib import Path

import pytest
import websockets

from tests.fakes.receiver import Receiver
from tests.integration.product import Prepared, Product, Servers
from tests.integration.sender import send_all

pytestmark = [pytest.mark.integration, pytest.mark.postgres, pytest.mark.timeout(180)]

IDLE_S = 60


async def watch(product: Product, prepared: Prepared) -> list[str]:
    """The types of the frames that come, up to the first entry."""
    url = f"{product.url.replace('http', 'ws')}/ws/accounts/{prepared.account_id}/logs/"
    cookie = {"Cookie": f"sessionid={prepared.session}"}
    kinds: list[str] = []
    async with websockets.connect(url, origin=websockets.Origin(product.url), additional_headers=cookie) as socket:
        async for text in socket:
            kinds.append(json.loads(text)["type"])
            if kinds[-1] == "logs":
                return kinds
    raise AssertionError(f"the socket closed after {kinds}")


async def ten_watch_a_minute(product: Product, prepared: Prepared) -> list[list[str]]:
    watching = [asyncio.create_task(watch(product, prepared)) for _ in range(10)]
    await asyncio.sleep(IDLE_S)
    await send_all(product.url, prepared.token, ["after-the-silence"])
    return await asyncio.gather(*watching)


def test_worker_and_ten_sockets_live_through_an_idle_minute(tmp_path: Path) -> None:
    with Receiver() as receiver, Servers(tmp_path) as product:
        frames = asyncio.run(ten_watch_a_minute(product, product.prepare(receiver.url)))
        assert all(kinds[0] == "hello" and kinds.count("heartbeat") >= 3 for kinds in frames)
        assert [name for name, process in product.processes.items() if process.poll() is not None] == []
        assert len(receiver.got) == 1
        levels = [json.loads(line)["level"] for line in product.logged().splitlines() if line.startswith("{")]
        assert set(levels) == {"info"}
        assert "Traceback" not in product.logged()
