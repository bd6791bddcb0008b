"""One look at a time for all who ask."""

import asyncio

import pytest

from apps.common.looks import Look


class Slow:
    """A question that waits until it may answer, and counts how often it was asked."""

    def __init__(self) -> None:
        self.asked, self.go_on, self.error = 0, asyncio.Event(), False

    async def __call__(self) -> int:
        self.asked += 1
        await self.go_on.wait()
        if self.error:
            raise ZeroDivisionError
        return self.asked


async def test_all_who_ask_at_once_share_one_look() -> None:
    slow = Slow()
    look = Look(slow, fresh_s=60, patience_s=60)
    asking = [asyncio.create_task(look()) for _ in range(20)]
    await asyncio.sleep(0)
    slow.go_on.set()
    assert await asyncio.gather(*asking) == [1] * 20
    assert await look() == 1


async def test_an_answer_that_is_not_fresh_is_asked_for_anew() -> None:
    slow = Slow()
    slow.go_on.set()
    look = Look(slow, fresh_s=0, patience_s=60)
    assert [await look(), await look()] == [1, 2]


async def test_nobody_waits_longer_than_patience_and_later_ones_not_at_all() -> None:
    slow = Slow()
    look = Look(slow, fresh_s=0, patience_s=0.05)
    for _ in range(5):
        with pytest.raises(TimeoutError):
            await look()
    assert slow.asked == 1
    slow.go_on.set()
    await asyncio.sleep(0.01)
    assert await look() == 2


async def test_an_error_is_everybodys_and_the_next_look_is_a_new_one() -> None:
    slow = Slow()
    slow.error = True
    slow.go_on.set()
    look = Look(slow, fresh_s=0, patience_s=60)
    asking = [asyncio.create_task(look()) for _ in range(3)]
    assert [type(each) for each in await asyncio.gather(*asking, return_exceptions=True)] == [ZeroDivisionError] * 3
    slow.error = False
    assert await look() == 2


async def test_who_gives_up_takes_the_answer_from_nobody() -> None:
    slow = Slow()
    look = Look(slow, fresh_s=60, patience_s=60)
    first, second = asyncio.create_task(look()), asyncio.create_task(look())
    await asyncio.sleep(0)
    first.cancel()
    slow.go_on.set()
    assert await second == 1
