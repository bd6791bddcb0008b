"""Check 18, small: one try at each hostile receiver ends in time, with a code of the closed list; nobody else notices."""

import asyncio
import tracemalloc
from collections.abc import Iterator

import pytest

from apps.deliveries.network import Guard
from apps.deliveries.request import Error, OutboundRequest, Outcome
from apps.deliveries.sender import Sender
from tests.fakes.receiver import Receiver
from tests.fakes.zoo import BEASTS, TLS, Zoo
from tests.unit.test_network import LOOPBACK

TIMEOUT_S = 3.0
# The head that they answer is a whole one, of 2xx: the request was taken.
TAKEN = {
    "gzip bomb", "deflate bomb", "br bomb", "unknown coding", "length that is not kept", "bare line feeds", "folded header",
    "space before the colon", "100 cookies", "cut body", "endless body", "endless chunks", "endless chunk head", "slow body",
}  # fmt: skip


@pytest.fixture(scope="module")
def zoo() -> Iterator[Zoo]:
    with Zoo() as running:
        yield running


def request_to(url: str, timeout_s: float = TIMEOUT_S) -> OutboundRequest:
    return OutboundRequest("POST", url, (("X-Key", "k"),), b'{"total": 1.10}', timeout_s)


async def try_each(zoo: Zoo, neighbour: str) -> tuple[dict[str, Outcome], list[Outcome]]:
    async with Sender(Guard(LOOPBACK)) as sender:
        beasts = [sender.send(request_to(url)) for url in zoo.urls.values()]
        good = [sender.send(request_to(neighbour, 10)) for _ in range(50)]
        outcomes = await asyncio.gather(*beasts, *good)
    return dict(zip(zoo.urls, outcomes, strict=False)), outcomes[len(beasts) :]


async def test_one_try_at_each_ends_with_a_code_of_the_closed_list_and_the_neighbour_notices_nothing(
    zoo: Zoo, receiver: Receiver
) -> None:
    assert len(BEASTS | TLS) >= 25
    async with asyncio.timeout(30):
        outcomes, good = await try_each(zoo, receiver.url)
    assert {name for name, outcome in outcomes.items() if outcome.success} == TAKEN
    assert {outcome.error for outcome in outcomes.values()} <= set(Error) - {Error.INTERNAL}
    assert {name for name, outcome in outcomes.items() if outcome.error is Error.TLS_FAILED} >= TLS.keys() - {"tls that stalls"}
    assert {outcome.error for outcome in good} == {Error.NONE}


async def test_none_of_them_brings_anything_in_that_was_not_asked_for(zoo: Zoo) -> None:
    """Answered 500 each time, with a 200 more behind it: at once, or once nobody asks."""
    async with Sender(Guard(LOOPBACK)) as sender:
        for name in ("an answer more", "says more later", "endless answers"):
            for _ in range(4):
                outcome = await sender.send(request_to(zoo.urls[name]))
                assert (outcome.error, outcome.response_status) == (Error.HTTP_STATUS, 500), name
                await asyncio.sleep(0.1)


@pytest.mark.parametrize("name", ["endless answers", "endless chunks", "100 large headers"])
async def test_who_answers_without_end_costs_little_memory(zoo: Zoo, name: str) -> None:
    async with Sender(Guard(LOOPBACK)) as sender:
        await sender.send(request_to(zoo.urls[name]))
        tracemalloc.start()
        await asyncio.gather(*(sender.send(request_to(zoo.urls[name], 20)) for _ in range(20)))
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert most < 10 * 1024 * 1024


async def test_a_try_takes_no_longer_than_it_may(zoo: Zoo) -> None:
    """The slow ones: their head comes byte by byte, or promises never end. Without a limit each takes 17 s and more."""
    async with Sender(Guard(LOOPBACK)) as sender, asyncio.timeout(15):
        slow = ("slow head", "slow promises", "never answers", "tls that stalls")
        outcomes = [await sender.send(request_to(zoo.urls[name], 0.2)) for name in slow]
    assert {outcome.error for outcome in outcomes} == {Error.TIMEOUT}
