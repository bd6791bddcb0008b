"""Batches: what gathers, what bounds it, and that nobody suffers for another's item."""

import asyncio
from collections.abc import Sequence

import pytest
from django.db import DataError, IntegrityError, OperationalError

from apps.common.batching import Batcher, Bounds, Overloaded, PerLoop, around_locks


class Store:
    """Keeps each batch; `gate` holds the flushes back until it is set; a negative item is refused for its data."""

    def __init__(self, refusal: type[Exception] = ValueError) -> None:
        self.batches: list[list[int]] = []
        self.gate = asyncio.Event()
        self.gate.set()
        self.refusal = refusal

    async def flush(self, items: Sequence[int]) -> list[int]:
        self.batches.append(list(items))
        await self.gate.wait()
        if min(items) < 0:
            raise self.refusal
        return [item * 10 for item in items]


async def settled(batcher: Batcher[int, int], items: Sequence[int]) -> list[int | BaseException]:
    async with asyncio.timeout(5):
        return await asyncio.gather(*map(batcher.submit, items), return_exceptions=True)


async def until_waiting() -> None:
    """Lets everything run until it waits for something."""
    for _ in range(10):
        await asyncio.sleep(0)


async def test_a_few_wait_for_company_but_not_for_long() -> None:
    store = Store()
    batcher: Batcher[int, int] = Batcher(store.flush, company=(3, 0.05))
    first = asyncio.create_task(settled(batcher, [1]))
    await until_waiting()
    assert await settled(batcher, [2]) == [20]
    assert await first == [10]
    assert await settled(batcher, [3, 4, 5]) == [30, 40, 50]
    assert store.batches == [[1, 2], [3, 4, 5]]


async def test_a_lone_item_goes_at_once_and_gets_its_own_result() -> None:
    store = Store()
    assert await settled(Batcher(store.flush), [7]) == [70]
    assert store.batches == [[7]]


async def test_what_comes_during_a_flush_gathers_for_the_next_one() -> None:
    store = Store()
    store.gate.clear()
    batcher = Batcher(store.flush)
    first = asyncio.create_task(batcher.submit(1))
    await until_waiting()
    others = asyncio.create_task(settled(batcher, [2, 3, 4]))
    await until_waiting()
    store.gate.set()
    assert [await first, await others] == [10, [20, 30, 40]]
    assert store.batches == [[1], [2, 3, 4]]


async def test_as_many_flushes_run_at_once_as_there_are_flushers() -> None:
    store = Store()
    store.gate.clear()
    batcher = Batcher(store.flush, flushers=2, bounds=Bounds(batch_items=1))
    running = asyncio.create_task(settled(batcher, [1, 2, 3]))
    await until_waiting()
    assert store.batches == [[1], [2]]
    store.gate.set()
    assert await running == [10, 20, 30]


async def test_a_batch_keeps_its_bounds_of_items_and_of_bytes_and_a_larger_item_goes_alone() -> None:
    store = Store()
    batcher = Batcher(store.flush, bounds=Bounds(batch_items=3, batch_bytes=10), weigh=lambda item: item)
    await settled(batcher, [1, 2, 3, 1, 6, 5, 10, 99, 1])
    assert store.batches == [[1, 2, 3], [1, 6], [5], [10], [99], [1]]


async def test_more_than_may_wait_is_refused_at_once_and_fits_again_later() -> None:
    store = Store()
    store.gate.clear()
    batcher = Batcher(store.flush, bounds=Bounds(batch_items=1, waiting_items=2, waiting_bytes=100), weigh=lambda item: item)
    first = asyncio.create_task(batcher.submit(1))
    await until_waiting()
    waiting = asyncio.create_task(settled(batcher, [2, 3]))
    await until_waiting()
    with pytest.raises(Overloaded):
        await batcher.submit(4)
    store.gate.set()
    assert [await first, await waiting, await batcher.submit(4)] == [10, [20, 30], 40]


async def test_bytes_that_wait_are_bounded_too() -> None:
    batcher = Batcher(Store().flush, bounds=Bounds(waiting_bytes=10), weigh=lambda item: item)
    results = await settled(batcher, [4, 6, 1])
    assert results[:2] == [40, 60]
    assert isinstance(results[2], Overloaded)
    assert await batcher.submit(10) == 100


@pytest.mark.parametrize("refusal", [DataError, IntegrityError, ValueError, OverflowError])
async def test_a_bad_item_is_isolated_by_halving_and_the_others_pass(refusal: type[Exception]) -> None:
    store = Store(refusal)
    results = await settled(Batcher(store.flush), [1, 2, 3, -4, 5, 6, 7, -8])
    assert [result for result in results if isinstance(result, int)] == [10, 20, 30, 50, 60, 70]
    assert [type(results[3]), type(results[7])] == [store.refusal] * 2
    assert [-4] in store.batches
    assert [-8] in store.batches


async def test_any_other_failure_fails_its_batch_once_and_not_the_next_one() -> None:
    store = Store(ConnectionError)
    batcher = Batcher(store.flush, bounds=Bounds(batch_items=2))
    results = await settled(batcher, [-1, 2, 3, 4])
    assert [type(result) for result in results] == [ConnectionError, ConnectionError, int, int]
    assert store.batches == [[-1, 2], [3, 4]]
    assert await batcher.submit(5) == 50


async def test_a_flush_that_forgets_a_result_fails_its_batch_and_nobody_waits_for_ever() -> None:
    async def forgetful(items: Sequence[int]) -> list[int]:
        return list(items[1:]) if 1 in items else list(items)

    batcher = Batcher(forgetful, bounds=Bounds(batch_items=2))
    results = await settled(batcher, [1, 2, 3, 4])
    assert [type(result) for result in results] == [RuntimeError, RuntimeError, int, int]


async def test_a_caller_that_goes_away_takes_nobody_along() -> None:
    store = Store()
    store.gate.clear()
    batcher = Batcher(store.flush)
    flushing, gone, staying = (asyncio.create_task(batcher.submit(item)) for item in (1, 2, 3))
    await until_waiting()
    flushing.cancel()
    gone.cancel()
    await until_waiting()
    store.gate.set()
    assert await asyncio.wait_for(staying, 5) == 30
    assert gone.cancelled()
    assert await settled(batcher, [4]) == [40]


async def test_a_caller_that_goes_away_before_a_failure_takes_nobody_along() -> None:
    store = Store(ConnectionError)
    store.gate.clear()
    batcher = Batcher(store.flush)
    gone = asyncio.create_task(batcher.submit(-1))
    await until_waiting()
    gone.cancel()
    await until_waiting()
    store.gate.set()
    assert await settled(batcher, [2]) == [20]


@pytest.mark.parametrize("flushers", [1, 2])
@pytest.mark.parametrize("steps", range(8))
async def test_an_item_is_not_forgotten_at_whatever_moment_of_the_flushers_life_it_comes(steps: int, flushers: int) -> None:
    batcher = Batcher(Store().flush, flushers=flushers)

    async def late() -> int:
        for _ in range(steps):
            await asyncio.sleep(0)
        return await batcher.submit(2)

    async with asyncio.timeout(5):
        assert list(await asyncio.gather(batcher.submit(1), late())) == [10, 20]


async def test_items_that_come_in_the_very_step_in_which_a_flush_ends_are_flushed() -> None:
    batcher = Batcher(Store().flush)
    followers: list[asyncio.Task[int]] = []
    first = asyncio.create_task(batcher.submit(1))
    await asyncio.sleep(0)
    for flusher in batcher._tasks:
        flusher.add_done_callback(lambda _: followers.append(asyncio.create_task(batcher.submit(2))))
    async with asyncio.timeout(5):
        assert await first == 10
        await until_waiting()
        assert [await follower for follower in followers] == [20]


class Locked(Exception):
    sqlstate = "55P03"


async def test_around_a_lock_all_others_are_written_in_few_steps() -> None:
    asked: list[int] = []

    async def write(items: Sequence[int]) -> list[int]:
        asked.append(len(items))
        if {item % 400 for item in items} & {123}:
            raise OperationalError from Locked()
        return [item * 10 for item in items]

    written = await around_locks(write, range(800), lambda item: item % 400)
    assert written == {item: item * 10 for item in range(800) if item % 400 != 123}
    assert len(asked) <= 2 * 9 + 1


async def test_what_is_no_lock_is_raised() -> None:
    async def write(items: Sequence[int]) -> list[int]:
        raise OperationalError("the connection is lost")

    with pytest.raises(OperationalError, match="lost"):
        await around_locks(write, [1, 2], lambda item: item)


def test_each_event_loop_has_an_object_of_its_own() -> None:
    made = PerLoop(object)

    async def twice() -> tuple[object, object]:
        return made(), made()

    one, other = asyncio.run(twice()), asyncio.run(twice())
    assert one[0] is one[1]
    assert one[0] is not other[0]
