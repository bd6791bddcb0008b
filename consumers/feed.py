"""What is broadcast to the accounts that somebody watches in this process: heard once, and handed to each of its sockets.

One channel for all of them. A socket with a channel of its own costs Redis a subscription and this process a task and a copy
of each message; and its queue would grow for as long as its reader stands still.
"""

import asyncio
import logging
import time
from contextlib import suppress
from typing import Protocol
from uuid import UUID

from channels.layers import get_channel_layer

from apps.common.batching import PerLoop
from apps.common.lanes import lane
from apps.common.metrics import BROADCAST_SECONDS
from apps.logs import selectors
from apps.logs.broadcast import Heard, group_of, heard
from apps.logs.selectors import Entry
from consumers import protocol

logger = logging.getLogger(__name__)

# Seconds that a socket's opening waits for its account's group; without it the hub's look brings everything.
_JOIN_S = 0.5
# Seconds until a layer that was away is asked again.
_AGAIN_S = 1.0


class Listener(Protocol):
    def heard(self, broadcast: Heard) -> None:
        """Never waits."""


class Feed:
    """One for each event loop."""

    def __init__(self) -> None:
        self._listeners: dict[UUID, set[Listener]] = {}
        self._joined: dict[UUID, asyncio.Event] = {}
        self._changed = asyncio.Event()
        self._channel = ""
        self._tasks: list[asyncio.Task[None]] = []
        self._reads: dict[tuple[UUID, int], asyncio.Task[list[Entry]]] = {}

    async def join(self, account_id: UUID, listener: Listener) -> None:
        """From its return on the listener hears what is broadcast, unless the layer is away."""
        self._listeners.setdefault(account_id, set()).add(listener)
        self._changed.set()
        if not self._tasks:
            self._tasks = [asyncio.create_task(self._keep(), name="live-groups")]
        with suppress(TimeoutError):
            async with asyncio.timeout(_JOIN_S):
                await self._joined.setdefault(account_id, asyncio.Event()).wait()

    def leave(self, account_id: UUID, listener: Listener) -> None:
        listeners = self._listeners.get(account_id, set())
        listeners.discard(listener)
        if not listeners:
            self._listeners.pop(account_id, None)
            self._changed.set()

    async def entries_after(self, account_id: UUID, cursor: int) -> list[Entry]:
        """The account's next entries, read once for all sockets that stand at the same place at the same time."""
        key = account_id, cursor
        if key not in self._reads:
            reading = lane("read").run(selectors.entries_after, account_id, cursor, protocol.ENTRIES_MAX)
            self._reads[key] = asyncio.create_task(reading)
            self._reads[key].add_done_callback(lambda task: self._has_read(key, task))
        return await asyncio.shield(self._reads[key])

    def _has_read(self, key: tuple[UUID, int], task: "asyncio.Task[list[Entry]]") -> None:
        del self._reads[key]
        if not task.cancelled():
            task.exception()  # looked at, also when everybody who waited for it has left

    async def _keep(self) -> None:
        """Joins and leaves groups, one after the other."""
        while True:
            self._changed.clear()
            try:
                await self._settle()
            except Exception as error:  # noqa: BLE001  (whatever the layer raised: without it the database is read)
                logger.warning("broadcasts are not heard: %s", type(error).__name__)
                await asyncio.sleep(_AGAIN_S)
                continue
            await self._changed.wait()

    async def _settle(self) -> None:
        layer = get_channel_layer()
        if not self._channel:
            self._channel = await layer.new_channel()
            self._tasks.append(asyncio.create_task(self._listen(self._channel), name="live-feed"))
        for account_id in self._joined.keys() - self._listeners.keys():
            # Somebody may have come while another group was left.
            if account_id not in self._listeners and self._joined.pop(account_id).is_set():
                await layer.group_discard(group_of(account_id), self._channel)
        for account_id in tuple(self._listeners):
            joined = self._joined.setdefault(account_id, asyncio.Event())
            if not joined.is_set():
                await layer.group_add(group_of(account_id), self._channel)
                joined.set()

    async def _listen(self, channel: str) -> None:
        layer = get_channel_layer()
        while True:
            try:
                message = await layer.receive(channel)
                BROADCAST_SECONDS.observe(max(0.0, time.time() - message["at"]))
                broadcast = heard(message)
            except Exception as error:  # noqa: BLE001  (one bad message must not make every socket deaf)
                logger.warning("a broadcast was not understood: %s", type(error).__name__)
                await asyncio.sleep(0)
                continue
            for listener in tuple(self._listeners.get(broadcast.account_id, ())):
                listener.heard(broadcast)


current = PerLoop(Feed)
