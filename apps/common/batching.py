"""Gathers single items into batches while earlier batches are under way, with bounds, and keeps a bad item to itself."""

import asyncio
from collections import defaultdict, deque
from collections.abc import Awaitable, Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar
from weakref import WeakKeyDictionary

from django.db import DataError, IntegrityError, OperationalError

from apps.common.lanes import is_locked

T = TypeVar("T")
R = TypeVar("R")

# Refused for its data (SQLSTATE 21, 22, 23, or the driver's own): one row of the batch is bad, the others are not.
BAD_DATA = (DataError, IntegrityError, ValueError, OverflowError)


class Overloaded(Exception):
    """More waits than the bounds allow."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """`batch_*` of one batch, `waiting_*` of all that waits. Weights in bytes."""

    batch_items: int = 400
    batch_bytes: int = 4 * 1024 * 1024
    waiting_items: int = 2000
    waiting_bytes: int = 64 * 1024 * 1024


class Batcher(Generic[T, R]):
    """`flush` gets what has gathered and returns one result an item, in order. No waiting, unless `company` says how many
    items a batch should have, and for how many seconds it waits for them: else a lone item goes at once."""

    def __init__(
        self,
        flush: Callable[[Sequence[T]], Awaitable[Sequence[R]]],
        *,
        flushers: int = 1,
        bounds: Bounds | None = None,
        weigh: Callable[[T], int] = lambda _: 0,
        company: tuple[int, float] = (0, 0.0),
    ) -> None:
        self._company, self._patience_s = company
        self._flush, self._flushers, self._bounds, self._weigh = flush, flushers, bounds or Bounds(), weigh
        self._waiting: deque[tuple[T, asyncio.Future[R]]] = deque()
        self._waiting_bytes = 0
        self._running = 0
        self._tasks: set[asyncio.Task[None]] = set()

    async def submit(self, item: T) -> R:
        """The item's own result.

        Raises:
            Overloaded: the bounds of what may wait are reached.
            Exception: what flush raised for this item.
        """
        weight = self._weigh(item)
        if len(self._waiting) >= self._bounds.waiting_items or self._waiting_bytes + weight > self._bounds.waiting_bytes:
            raise Overloaded
        future: asyncio.Future[R] = asyncio.get_running_loop().create_future()
        self._waiting.append((item, future))
        self._waiting_bytes += weight
        if self._running < self._flushers:
            self._running += 1
            task = asyncio.create_task(self._run())
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        return await future

    async def _run(self) -> None:
        try:
            while self._waiting:
                if len(self._waiting) < self._company:
                    await asyncio.sleep(self._patience_s)
                if batch := self._take():
                    await self._settle(batch)
        finally:
            self._running -= 1  # here, not in a callback: an item that comes in between would wait for ever

    def _take(self) -> list[tuple[T, asyncio.Future[R]]]:
        batch: list[tuple[T, asyncio.Future[R]]] = []
        weight = 0
        while self._waiting and len(batch) < self._bounds.batch_items:
            own = self._weigh(self._waiting[0][0])
            if batch and weight + own > self._bounds.batch_bytes:
                break
            batch.append(self._waiting.popleft())
            weight += own
        self._waiting_bytes -= weight
        return batch

    async def _settle(self, batch: list[tuple[T, asyncio.Future[R]]]) -> None:
        """Flushes; a batch refused for its data is halved until the bad item stands alone."""
        try:
            results = await self._flush([item for item, _ in batch])
            if len(results) != len(batch):
                raise RuntimeError(f"{len(results)} results for {len(batch)} items")  # else somebody would wait for ever
        except BAD_DATA as error:
            if len(batch) == 1:
                self._fail(batch, error)
                return
            middle = len(batch) // 2
            await self._settle(batch[:middle])
            await self._settle(batch[middle:])
        except Exception as error:  # noqa: BLE001  (raised again, at whoever submitted; the batcher itself must go on)
            self._fail(batch, error)
        else:
            for (_, future), result in zip(batch, results, strict=True):
                if not future.done():  # a caller that went away
                    future.set_result(result)

    @staticmethod
    def _fail(batch: list[tuple[T, asyncio.Future[R]]], error: Exception) -> None:
        for _, future in batch:
            if not future.done():
                future.set_exception(error)


async def around_locks(
    write: Callable[[Sequence[T]], Awaitable[Sequence[R]]], items: Sequence[T], owner: Callable[[T], Hashable]
) -> dict[int, R]:
    """Writes all but what somebody's lock stands before: index -> result of each item that was written.

    A part that meets a lock is halved, until the owner whose row is locked stands alone. Any other error is raised.
    """
    by_owner: dict[Hashable, list[int]] = defaultdict(list)
    for index, item in enumerate(items):
        by_owner[owner(item)].append(index)
    parts, written = [list(by_owner.values())], dict[int, R]()
    while parts:
        owners = parts.pop()
        indexes = [index for own in owners for index in own]
        try:
            written |= zip(indexes, await write([items[index] for index in indexes]), strict=True)
        except OperationalError as error:
            if not is_locked(error):
                raise
            if len(owners) > 1:
                middle = len(owners) // 2
                parts += [owners[middle:], owners[:middle]]
    return written


class PerLoop(Generic[R]):
    """One object for each event loop: Django's test client makes a new loop for each call, a server has one for good."""

    def __init__(self, make: Callable[[], R]) -> None:
        self._make = make
        self._made: WeakKeyDictionary[asyncio.AbstractEventLoop, R] = WeakKeyDictionary()

    def __call__(self) -> R:
        loop = asyncio.get_running_loop()
        if loop not in self._made:
            self._made[loop] = self._make()
        return self._made[loop]
