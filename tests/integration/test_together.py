"""Check 14: what comes at the same time is stored once, and nothing is acknowledged without its row."""

import asyncio
import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import aiohttp
import pytest

from tests.integration.figures import Figures
from tests.integration.product import Embedded, Prepared, Product, Servers

pytestmark = [pytest.mark.integration, pytest.mark.timeout(300)]

KINDS = [
    pytest.param(Embedded, marks=pytest.mark.embedded, id="embedded"),
    pytest.param(Servers, marks=pytest.mark.postgres, id="servers"),
]
STORED = """
SELECT event.body, count(delivery.id) FROM events_event AS event
LEFT JOIN deliveries_delivery AS delivery ON delivery.event_id = event.id
WHERE event.event_id = '{}' GROUP BY event.id, event.body
"""
WHOLE = """
SELECT event.event_id FROM events_event AS event
JOIN deliveries_delivery AS delivery ON delivery.event_id = event.id WHERE event.event_id LIKE 'load-%'
"""


@pytest.fixture(scope="module", params=KINDS)
def product(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    directory: Path = tmp_path_factory.mktemp("product")
    kind: type[Product] = request.param
    with kind(directory) as running:
        yield running


def posts(product: Product, token: str, pairs: list[tuple[str, bytes]]) -> list[int]:
    """All at once; the status of each."""

    async def one(session: aiohttp.ClientSession, event_id: str, body: bytes) -> int:
        headers = {"CL-X-TOKEN": token, "CL-X-EVENT-ID": event_id, "Content-Type": "application/json"}
        async with session.post(f"{product.url}/server/incoming_data", data=body, headers=headers) as answer:
            return answer.status

    async def all_of_them() -> list[int]:
        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
            return await asyncio.gather(*(one(session, event_id, body) for event_id, body in pairs))

    return asyncio.run(all_of_them())


def stored(product: Product, event_id: str) -> list[tuple[bytes, int]]:
    """The bodies under this id, and how many deliveries each has."""
    return [(bytes(body), number) for body, number in product.sql(STORED.format(event_id))]


def test_fifty_identical_posts_are_one_event(product: Product, full: bool, figures: Figures) -> None:
    prepared, turns = product.prepare("https://example.com/hook"), 20 if full else 1
    answers: Counter[int] = Counter()
    for turn in range(turns):
        event_id, body = f"same-{full}-{turn}", b'{"n": %d}' % turn
        answers += (now := Counter(posts(product, prepared.token, [(event_id, body)] * 50)))
        assert now == {202: 1, 200: 49}
        assert stored(product, event_id) == [(body, 1)]
    figures.show("answers", dict(answers))


@pytest.mark.parametrize("bodies", [[b"[1]", b"[2]"], [b"[2]", b"[1]"]], ids=["1 then 2", "2 then 1"])
def test_the_same_id_with_another_body_is_a_conflict_in_one_batch_too(
    product: Product, bodies: list[bytes], full: bool, figures: Figures
) -> None:
    prepared, turns = product.prepare("https://example.com/hook"), 20 if full else 1
    answers: Counter[int] = Counter()
    for turn in range(turns):
        event_id = f"other-{prepared.account_id}-{turn}"
        statuses = posts(product, prepared.token, [(event_id, body) for body in bodies * 20])
        first = bodies[statuses.index(202) % 2]
        again = posts(product, prepared.token, [(event_id, body) for body in bodies])
        assert Counter(statuses) == {202: 1, 200: 19, 409: 20}
        assert again == [200 if body == first else 409 for body in bodies]
        assert stored(product, event_id) == [(first, 1)]
        answers += Counter(statuses)
    figures.show("answers", dict(answers))


def post_while_deleted(product: Product, prepared: Prepared) -> tuple[set[str], Counter[int]]:
    """Until the token is refused: what was acknowledged, and all answers."""
    deleting = threading.Thread(target=product.delete, args=[prepared.account_id])
    acknowledged, answers, number = set[str](), Counter[int](), 0
    while deleting.is_alive() or not answers[401]:
        pairs = [(f"load-{prepared.account_id}-{number + n}", b"{}") for n in range(50)]
        statuses = posts(product, prepared.token, pairs)
        acknowledged |= {event_id for (event_id, _), status in zip(pairs, statuses, strict=True) if status in {200, 202}}
        answers, number = answers + Counter(statuses), number + 50
        if number == 50:
            deleting.start()
    deleting.join()
    return acknowledged, answers


def test_an_account_deleted_under_load_has_a_row_for_each_2xx(product: Product, full: bool, figures: Figures) -> None:
    acknowledged, answers = set[str](), Counter[int]()
    for _ in range(8 if full else 1):
        some, told = post_while_deleted(product, product.prepare("https://example.com/hook"))
        acknowledged, answers = acknowledged | some, answers + told
    there = {row[0] for row in product.sql(WHOLE)}
    figures.show("answers", dict(answers))
    figures.show("2xx without event and delivery", len(acknowledged - there))
    assert set(answers) == {202, 401}
    assert acknowledged <= there
