"""Check 14: what comes at the same time is stored once, and nothing is acknowledged without its row."""

import asyncio
import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import aiohttp
import pytest

from tests.integration.product import Embedded, Product, Servers

pytestmark = [pytest.mark.integration, pytest.mark.timeout(180)]

KINDS = [pytest.param(Embedded, marks=pytest.mark.embedded), pytest.param(Servers, marks=pytest.mark.postgres)]


@pytest.fixture(scope="module", params=KINDS)
def product(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    directory: Path = tmp_path_factory.mktemp("product")
    kind: type[Product] = request.param
    with kind(directory) as running:
        yield running


async def posts(product: Product, token: str, pairs: list[tuple[str, bytes]]) -> list[int]:
    """All at once; the status of each, 0 for none."""

    async def one(session: aiohttp.ClientSession, event_id: str, body: bytes) -> int:
        headers = {"CL-X-TOKEN": token, "CL-X-EVENT-ID": event_id, "Content-Type": "application/json"}
        async with session.post(f"{product.url}/server/incoming_data", data=body, headers=headers) as answer:
            return answer.status

    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
        return await asyncio.gather(*(one(session, event_id, body) for event_id, body in pairs))


def test_fifty_identical_posts_are_one_event(product: Product) -> None:
    prepared = product.prepare("https://example.com/hook")
    before = product.sql("SELECT count(*) FROM events_event")[0][0]
    statuses = asyncio.run(posts(product, prepared.token, [("same", b'{"n": 1}')] * 50))
    assert Counter(statuses) == {202: 1, 200: 49}
    assert product.sql("SELECT count(*) FROM events_event")[0][0] == before + 1


@pytest.mark.parametrize("bodies", [[b"[1]", b"[2]"], [b"[2]", b"[1]"]])
def test_the_same_id_with_another_body_is_a_conflict_in_one_batch_too(product: Product, bodies: list[bytes]) -> None:
    prepared = product.prepare()
    statuses = asyncio.run(posts(product, prepared.token, [("same", body) for body in bodies * 20]))
    assert Counter(statuses) == {202: 1, 200: 19, 409: 20}


def test_an_account_deleted_under_load_has_a_row_for_each_2xx(product: Product) -> None:
    prepared = product.prepare("https://example.com/hook")
    pairs = [(f"load-{prepared.account_id}-{n}", b"{}") for n in range(3000)]
    deleting = threading.Thread(target=product.delete, args=[prepared.account_id])
    deleting.start()
    acknowledged: set[str] = set()
    refused = 0
    for start in range(0, len(pairs), 50):
        statuses = asyncio.run(posts(product, prepared.token, pairs[start : start + 50]))
        acknowledged |= {pairs[start + n][0] for n, status in enumerate(statuses) if status == 202}
        refused += statuses.count(401)
    deleting.join()
    stored = {row[0] for row in product.sql("SELECT event_id FROM events_event WHERE event_id LIKE 'load-%'")}
    assert acknowledged
    assert refused
    assert len(acknowledged) + refused == len(pairs)
    assert acknowledged <= stored
