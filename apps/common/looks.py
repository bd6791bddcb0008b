"""A slow question that many ask: one look at a time, for all of them, and never longer than each can wait."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class Look(Generic[T]):
    """One for an event loop. An answer is good for `fresh_s` seconds from its question."""

    def __init__(self, ask: Callable[[], Awaitable[T]], *, fresh_s: float, patience_s: float) -> None:
        self._ask, self._fresh_s, self._patience_s = ask, fresh_s, patience_s
        self._task: asyncio.Task[T] | None = None
        self._began = 0.0  # by the loop's clock

    async def __call__(self) -> T:
        """The answer. What the question raises is raised here.

        Raises:
            TimeoutError: there is none `patience_s` after the question. Who asks then is told so at once, until it comes.
        """
        now = asyncio.get_running_loop().time()
        task = self._task
        if task is None or (task.done() and now - self._began >= self._fresh_s):
            task = self._task = asyncio.create_task(self._run())
            task.add_done_callback(_seen)
            self._began = now
        await asyncio.wait({task}, timeout=max(0.0, self._began + self._patience_s - now))
        if not task.done():
            raise TimeoutError
        return task.result()

    async def _run(self) -> T:
        return await self._ask()


def _seen(task: "asyncio.Task[T]") -> None:
    """Its error is not lost when nobody waited for it any more: the next look says the same."""
    if not task.cancelled():
        task.exception()
