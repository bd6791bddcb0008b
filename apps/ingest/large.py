"""Large bodies: read as many at once as memory allows, looked through in a thread of their own, fair between accounts."""

import asyncio
from collections import Counter, deque
from collections.abc import Callable, Hashable

from apps.common.batching import Overloaded

# Bytes. What is larger, or may be, passes the gate, is checked beside the event loop and is stored beside the others:
# 1 MiB takes 10 to 150 ms to check, and 400 of them kept everybody's small posts waiting for 5 s (measured).
LARGE = 65_536
# Large bodies in the process at once; the others are not read yet, so that their senders wait. Each takes 10 ms and more of
# a core that the small ones need: with 32 at once the neighbours' p99 was 2.4 s, with 8 a fifth of that (measured).
_AT_ONCE = 8
_AT_ONCE_OF_AN_ACCOUNT = 4
_WAITING_MAX = 2000
# Seconds that a sender waits for room. It costs us nothing but its connection, and 503 would cost it another megabyte.
_WAIT_S = 20.0
# Seconds after which one that stalls gives its place away.
_STALLED_S = 10.0


class Gate:
    """One for each event loop. An account that sends in bulk, or a byte a minute, leaves room for the others."""

    def __init__(self) -> None:
        self._inside: Counter[Hashable] = Counter()
        self._waiting: deque[tuple[Hashable, asyncio.Future[None]]] = deque()

    async def enter(self, account_id: Hashable) -> Callable[[], None]:
        """Returns what the caller calls when it has done.

        Raises:
            Overloaded: there was no room in 20 s, or those inside found that nothing can be stored.
        """
        if self._has_room(account_id):
            self._inside[account_id] += 1
        else:
            await self._wait(account_id)
        place = [account_id]

        def leave() -> None:
            stalled.cancel()
            while place:
                self._leave(place.pop())

        stalled = asyncio.get_running_loop().call_later(_STALLED_S, leave)
        return leave

    def turn_away(self) -> None:
        """Nothing can be stored just now: whoever waits is told so at once."""
        for _, turn in self._waiting:
            if not turn.done():
                turn.set_exception(Overloaded())
        self._waiting.clear()

    def _has_room(self, account_id: Hashable) -> bool:
        return self._inside.total() < _AT_ONCE and self._inside[account_id] < _AT_ONCE_OF_AN_ACCOUNT

    async def _wait(self, account_id: Hashable) -> None:
        if len(self._waiting) >= _WAITING_MAX:
            raise Overloaded
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((account_id, turn))
        try:
            async with asyncio.timeout(_WAIT_S):
                await turn
        except (TimeoutError, asyncio.CancelledError) as error:
            if turn.done() and not turn.cancelled() and turn.exception() is None:
                self._leave(account_id)  # its turn came just when it gave up
            if isinstance(error, TimeoutError):
                raise Overloaded from None
            raise

    def _leave(self, account_id: Hashable) -> None:
        self._inside[account_id] -= 1
        self._inside += Counter()  # without those that are at 0
        still = deque[tuple[Hashable, asyncio.Future[None]]]()
        for each, turn in self._waiting:
            if turn.done():  # it gave up
                continue
            if self._has_room(each):
                self._inside[each] += 1
                turn.set_result(None)
            else:
                still.append((each, turn))
        self._waiting = still
