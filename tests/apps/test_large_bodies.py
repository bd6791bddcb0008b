"""What is large waits for room, is checked beside the event loop, and leaves room for others."""

import asyncio
from collections import Counter
from threading import current_thread

import pytest

from apps.common.batching import Overloaded
from apps.ingest import large, services, strict
from apps.ingest.large import LARGE, Gate
from apps.ingest.services import Answer, Incoming, accept
from tests.cast import Cast
from tests.posting import post

BODY = b'["' + b"x" * LARGE + b'"]'


async def stalled(token: str, event_id: str, reading: asyncio.Event, go_on: asyncio.Event) -> Answer:
    """A large post whose sender stops in the middle."""

    async def read() -> bytes:
        reading.set()
        await go_on.wait()
        return BODY

    headers = {"cl-x-token": token, "cl-x-event-id": event_id, "content-type": "application/json"}
    return await accept(Incoming("POST", headers | {"content-length": str(len(BODY))}, read))


async def test_only_what_is_large_is_checked_beside_the_loop(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    names: list[str] = []
    check = strict.check

    def noted(body: bytes) -> None:
        names.append(current_thread().name)
        check(body)

    monkeypatch.setattr(strict, "check", noted)
    for number, body in enumerate([b"{}", BODY, b'["' + b"x" * LARGE]):
        await post(cast.token, f"e{number}", body)
    assert names == ["MainThread", "heavy_0", "heavy_0"]


async def test_large_posts_of_one_account_leave_room_for_small_ones_and_for_others(
    cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(large, "_AT_ONCE_OF_AN_ACCOUNT", 1)
    monkeypatch.setattr(large, "_WAIT_S", 0.5)
    reading, go_on = asyncio.Event(), asyncio.Event()
    first = asyncio.create_task(stalled(cast.token, "first", reading, go_on))
    await reading.wait()
    size = {"content_length": str(len(BODY))}
    answers = [
        await post(cast.token, "large", BODY, **size),
        await post(cast.token, "small", b"{}", content_length="2"),
        await post(cast.other_token, "others", BODY, **size),
        await post(cast.token, "huge", BODY, content_length=str(2**40)),
    ]
    assert [answer.status for answer in answers] == [503, 202, 202, 202]
    go_on.set()
    assert (await first).status == 202
    assert (await post(cast.token, "large", BODY, **size)).status == 202


async def test_what_waits_for_room_is_stored_when_there_is_some(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(services, "_PATIENCE_S", 0.5)
    reading, go_on = asyncio.Event(), asyncio.Event()
    posts = [asyncio.create_task(stalled(cast.token, f"e{number}", reading, go_on)) for number in range(5)]
    await asyncio.sleep(1)  # beyond our patience
    go_on.set()
    assert {(await each).status for each in posts} == {202}


async def test_who_waits_is_told_at_once_that_nothing_can_be_stored() -> None:
    gate = Gate()
    await asyncio.gather(*(gate.enter(f"account-{number}") for number in range(8)))
    waiting = [asyncio.create_task(gate.enter("another")) for _ in range(3)]
    await asyncio.sleep(0)
    gate.turn_away()
    assert {type(each) for each in await asyncio.gather(*waiting, return_exceptions=True)} == {Overloaded}


async def test_one_that_stalls_gives_its_place_away_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(large, "_STALLED_S", 0.01)
    gate = Gate()
    leaves = await asyncio.gather(*(gate.enter("bulk") for _ in range(9)))
    for leave in leaves:
        leave()
    assert gate._inside == Counter()


async def test_who_gives_up_takes_no_place() -> None:
    gate = Gate()
    leaves = await asyncio.gather(*(gate.enter("bulk") for _ in range(4)))
    waiting = [asyncio.create_task(gate.enter("bulk")) for _ in range(2)]
    await asyncio.sleep(0)
    leaves[0]()  # it is the first one's turn now, just when it gives up
    for each in waiting:
        each.cancel()
    await asyncio.wait(waiting)
    assert gate._inside == Counter({"bulk": 3})


async def test_no_more_are_in_than_there_is_room_for() -> None:
    gate, inside, most = Gate(), 0, 0

    async def one(number: int) -> None:
        nonlocal inside, most
        leave = await gate.enter(f"account-{number % 4}")
        inside += 1
        most = max(most, inside)
        await asyncio.sleep(0)
        inside -= 1
        leave()

    await asyncio.gather(*map(one, range(200)))
    assert (inside, most, gate._inside) == (0, 8, Counter())
