"""Check 16: what one account sends in bulk does not slow another's posts, and a frozen database is said in time."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path

import aiohttp
import pytest

from tests.fakes.receiver import Receiver
from tests.integration.figures import Figures
from tests.integration.load import Load, sending_beside
from tests.integration.product import Embedded, Prepared, Product, Servers

pytestmark = [pytest.mark.integration, pytest.mark.chaos, pytest.mark.timeout(300)]

RATE, SECONDS = 50, 12
LARGE = b'["' + b"x" * (1024 * 1024 - 4) + b'"]'


async def at_once(product: Product, prepared: Prepared, bodies: list[bytes]) -> list[int]:
    async def one(session: aiohttp.ClientSession, number: int, body: bytes) -> int:
        headers = {"CL-X-TOKEN": prepared.token, "CL-X-EVENT-ID": f"bulk-{number}", "Content-Type": "application/json"}
        with suppress(aiohttp.ClientError):  # a server that has too much may also hang up: what counts is the neighbour
            async with session.post(f"{product.url}/server/incoming_data", data=body, headers=headers) as answer:
                return answer.status
        return 0

    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
        return await asyncio.gather(*(one(session, number, body) for number, body in enumerate(bodies)))


async def beside(product: Product, neighbour: Prepared, prefix: str, disturb: Callable[[], Awaitable[object]]) -> Load:
    """The neighbour's posts, disturbed after 3 s."""
    with sending_beside(product.url, neighbour.token, prefix, RATE, SECONDS) as sending:
        await asyncio.sleep(3)
        await disturb()
        return await asyncio.wrap_future(sending)


async def freeze(product: Servers) -> None:
    await asyncio.to_thread(product.postgres.freeze)
    await asyncio.sleep(20)
    await asyncio.to_thread(product.postgres.thaw)


KINDS = [
    pytest.param(Embedded, marks=pytest.mark.embedded, id="embedded"),
    pytest.param(Servers, marks=pytest.mark.postgres, id="servers"),
]


@pytest.mark.parametrize("kind", KINDS)
def test_neighbours_are_not_slowed(tmp_path: Path, kind: type[Product], figures: Figures) -> None:
    with Receiver() as receiver, kind(tmp_path) as product:
        neighbour = product.prepare(receiver.url)
        large, wide = product.prepare(), product.prepare(*[f"{receiver.url}/{number}" for number in range(1000)])
        bulk = asyncio.run(beside(product, neighbour, "large", lambda: at_once(product, large, [LARGE] * 400)))
        fan = asyncio.run(beside(product, neighbour, "wide", lambda: at_once(product, wide, [b"{}"] * 20)))
    figures.at_most("p99 beside 400 bodies of 1 MiB, s", bulk.p99(), 0.5)
    figures.at_most("p99 beside 20 events to 1,000 destinations, s", fan.p99(), 0.5)
    assert set(bulk.answers) == set(fan.answers) == {202}


@pytest.mark.postgres
def test_a_database_that_stands_still_is_said_in_time(tmp_path: Path, figures: Figures) -> None:
    with Receiver() as receiver, Servers(tmp_path) as product:
        prepared = product.prepare(receiver.url)
        frozen = asyncio.run(beside(product, prepared, "frozen", lambda: freeze(product)))
        stored = {row[0] for row in product.sql("SELECT event_id FROM events_event")}
    figures.at_most("slowest 503, s", max(frozen.unavailable), 2.5)
    figures.show("answers", dict(frozen.answers))
    assert set(frozen.answers) <= {200, 202, 503}
    assert frozen.without_retry_after == 0
    assert frozen.acknowledged.keys() == stored
