"""The browser's socket: authenticate, catch up, follow. The database is the truth; a broadcast only makes it quick."""

import asyncio
import logging
import time
from collections.abc import Sequence
from contextlib import suppress
from functools import partial
from operator import attrgetter
from typing import Any
from uuid import UUID

from channels.generic.websocket import AsyncWebsocketConsumer
from django.utils import timezone

from apps.common.lanes import TRANSIENT, lane
from apps.logs import selectors
from apps.logs.broadcast import Heard
from apps.logs.selectors import Entry
from consumers import door, feed, hub, protocol
from consumers.asgi import Receive, Scope, Send
from consumers.hub import View, Viewer
from consumers.meter import Meter
from consumers.protocol import Close
from consumers.query import Query, Refused

logger = logging.getLogger(__name__)

# Seconds: messages of two batches may overtake each other; what is late by more is read from the database.
_OUT_OF_ORDER_S = 0.1
# Seconds between two frames of a busy socket. All sockets write at the same moments, so that those at one place share a frame.
_TICK_S = 0.1
# Entries that wait for a tick, or for a reader that takes its time. Above it they are dropped, and read from the database.
_HEARD_MAX = 1000
# Seconds a reader may take for one frame; then its socket ends, and the browser comes back with its cursor.
_SEND_S = 20
# Seconds to tell a removed member why: within the 5 that the contract gives.
_LAST_WORDS_S = 3


class Gone(Exception):
    """Nobody reads any more: refused meanwhile, away, or too slow."""


class MonitorConsumer(AsyncWebsocketConsumer):
    # None of our layers: it needs no channel of its own, which would make its opening depend on Redis (feed.py).
    channel_layer_alias = "none"
    viewer: Viewer
    query: Query

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Runs until the socket ends, or until `end`. However it ends, nothing of it stays behind."""
        self.cursor, self.role = 0, ""
        self.joined = self._refused = False
        self._heard: list[Heard] = []
        self._news, self._ended = asyncio.Event(), asyncio.Event()
        self._order = asyncio.Lock()  # one writer at a time: what follows, the hub's look and the catching up
        self._wrote_at = 0.0
        running = asyncio.create_task(super().__call__(scope, receive, send))
        ended = asyncio.create_task(self._ended.wait())
        following = asyncio.create_task(self._follow())
        try:
            await asyncio.wait({running, ended}, return_when=asyncio.FIRST_COMPLETED)
            running.cancel()
            await running
        except asyncio.CancelledError:
            if not self._ended.is_set():
                raise
        finally:
            ended.cancel()
            following.cancel()
            self._leave()

    async def dispatch(self, message: dict[str, Any]) -> None:
        """As Channels does, without its hop to the database thread for each message: this consumer touches no database
        but through a lane. With 200 sockets that took p99 from 623 to 35 ms."""
        with suppress(Gone):
            await getattr(self, message["type"].replace(".", "_"))(message)

    async def connect(self) -> None:
        self._beat_at = time.monotonic()
        if not door.may_knock(self.scope):
            await self.close()  # before accept: the handshake is refused with 403
            return
        await self.accept(protocol.VERSION if protocol.VERSION in self.scope["subprotocols"] else None)
        try:
            await self._enter()
        except Refused as refused:
            await self._refuse(refused)
        except TRANSIENT:
            await self.close(1013)  # try again later

    async def _enter(self) -> None:
        """Register, then snapshot, then follow: nothing falls between."""
        self.query = Query.parse(self.scope["query_string"])
        self._meter = Meter(self.query.summary_above)
        self.viewer = await door.identify(self.scope)
        if not await hub.may_open(self.viewer.user_id):
            await self.close(1013)  # the browser comes back later
            return
        async with self._order:
            await feed.current().join(self.viewer.account_id, self)
            view = (await lane("read").run(hub.look, {self.viewer}))[self.viewer]
            self._check(view)
            # No await between the count and the join: sockets that open at once would all be let in.
            if hub.current().sockets_of(self.viewer.user_id) >= protocol.SOCKETS_MAX:
                raise Refused(Close.BAD_REQUEST, f"At most {protocol.SOCKETS_MAX} sockets a user.")
            hub.current().join(self)
            self.joined = True
            await self._hello(view)
            await self._catch_up()

    def _check(self, view: View) -> None:
        """Raises Refused when the viewer may not watch (any more). Who never was a member finds no account."""
        if not view.signed_in:
            raise Refused(Close.UNAUTHENTICATED, "You are signed out. Sign in to watch.")
        if not view.account_exists or (view.role is None and not self.joined):
            raise Refused(Close.NO_ACCOUNT, "There is no such account.")
        if view.role is None:
            raise Refused(Close.REMOVED, "You are no longer a member of this account.")

    async def _hello(self, view: View) -> None:
        """The first frame, which sets the cursor from which this socket goes on; another, when the role changed, does not."""
        epoch, oldest = await lane("read").run(_ground, self.viewer.account_id)
        reset, role = False, view.role or ""
        if not self.role:
            after = view.newest if self.query.after is None else self.query.after
            other_epoch = self.query.epoch not in {"", epoch}
            reset = other_epoch or after > view.newest or after < oldest - 1 or view.newest - after > protocol.BEHIND_MAX
            self.cursor = view.newest if reset else after
            self._newest_at_first = view.newest
        now = selectors.instant(timezone.now()) or ""
        own = partial(protocol.hello, cursor=self.cursor, newest=view.newest, epoch=epoch, oldest=oldest)
        await self._write(own(server_time=now, role=role, reset=reset))
        self.role = role

    async def _catch_up(self) -> None:
        """Reads from the database until there is no more. The caller holds the order."""
        while entries := await feed.current().entries_after(self.viewer.account_id, self.cursor):
            await self._show(entries)

    async def _show(self, entries: list[Entry]) -> None:
        """Entries that follow the cursor without a hole. What is above the rate goes to the sum."""
        for part in protocol.frames(entries):
            passing = await self._passing(part)
            if self._meter.due_in(time.monotonic()) == 0:
                await self._tell_sum()
            last, came_before = part[-1].cursor, part[0].cursor <= self._newest_at_first
            shown = passing if came_before else self._meter.take(passing, self.cursor, last, time.monotonic())
            if not self._meter.sums_up:
                await self._write(protocol.logs(after=self.cursor, cursor=last, entries=shown))
            elif shown:
                await self._write(protocol.logs(after=self.cursor, cursor=shown[-1].cursor, entries=shown))
            if self._meter.sums_up:
                self._news.set()  # whoever follows has to know when to tell it
            self.cursor = last

    async def _passing(self, part: Sequence[Entry]) -> Sequence[Entry]:
        passing = [entry for entry in part if self.query.passes(entry)]
        if self.query.search and passing:
            return await lane("read").run(selectors.matching, passing, self.query.search)
        return passing

    async def _tell_sum(self) -> None:
        if (done := self._meter.told()) is not None:
            counts = {"by_status": done.by_status, "by_destination": done.by_destination}
            await self._write(protocol.summary(first=done.first, last=done.last, **counts))

    async def _write(self, frame: str) -> None:
        """Raises Gone when nothing may follow any more, or when the reader does not take it."""
        if self._refused:
            raise Gone
        try:
            async with asyncio.timeout(_SEND_S):
                await self.send(text_data=frame)
        except Exception as error:  # each server has its own for a reader that is gone
            self.end(type(error).__name__)
            raise Gone from error
        self._wrote_at = time.monotonic()

    def end(self, why: str) -> None:
        logger.info("live socket ended: %s", why)
        self._refused = True
        hub.current().leave(self)
        self._ended.set()

    def heard(self, broadcast: Heard) -> None:
        """Put down for the next tick. What is known is dropped."""
        if broadcast.cursor <= self.cursor:
            return
        self._heard.append(broadcast)
        if sum(len(each.entries) for each in self._heard) > _HEARD_MAX:
            self._heard.clear()  # a hole, which the hub's look or the next broadcast finds
        self._news.set()

    async def _follow(self) -> None:
        """Shows what is heard, tick by tick, and tells the sum of what is not shown."""
        with suppress(Gone):
            while True:
                with suppress(TimeoutError):
                    async with asyncio.timeout(self._meter.due_in(time.monotonic()) if self.joined else None):
                        await self._news.wait()
                now = time.monotonic()
                if now - self._wrote_at < _TICK_S:
                    await asyncio.sleep(_TICK_S - now % _TICK_S)
                self._news.clear()
                async with self._order:
                    if not self.joined:  # it was not let in
                        return
                    await self._take_heard()
                    if self._meter.due_in(time.monotonic()) == 0:
                        await self._tell_sum()

    async def _take_heard(self) -> None:
        """A hole waits a moment, for messages of two batches that overtook each other, and is then read from the database."""
        if self._misses():
            await asyncio.sleep(_OUT_OF_ORDER_S)
        missing, found = self._misses(), {entry.cursor: entry for each in self._heard for entry in each.entries}
        self._heard.clear()
        # A database that is away is asked again by the hub's next look.
        with suppress(*TRANSIENT):
            if missing:
                await self._catch_up()
            elif new := [found[cursor] for cursor in sorted(found) if cursor > self.cursor]:
                await self._show(new)

    def _misses(self) -> bool:
        """Whether something lies between the cursor and what is heard."""
        return self._reached() < max((each.cursor for each in self._heard), default=0)

    def _reached(self) -> int:
        """Up to where all is shown, summed up or heard."""
        at = self.cursor
        for each in sorted(self._heard, key=attrgetter("after")):
            if each.after <= at:
                at = max(at, each.cursor)
        return at

    def may_stay(self, view: View) -> bool:
        """The hub's look, once a second. Who may not watch any more is told so, also while it stands with a slow frame."""
        try:
            self._check(view)
        except Refused as refused:
            self._refusing = asyncio.create_task(self._refuse(refused))
            return False
        return True

    async def looked(self, view: View, *, was_at: int) -> None:
        """What the look found, for one who may stay."""
        with suppress(Gone):
            await self._settle(view, was_at)

    async def _settle(self, view: View, was_at: int) -> None:
        if view.newest > self._reached():
            await asyncio.sleep(_OUT_OF_ORDER_S)  # its broadcast may be on its way
        async with self._order:
            if view.role != self.role:
                await self._tell_sum()
                await self._hello(view)
            if view.newest < was_at:  # the database was put back: the browser comes again and is reset
                self._refused = True
                hub.current().leave(self)
                await self.close(1012)
                return
            if view.newest > self._reached():
                with suppress(*TRANSIENT):
                    await self._catch_up()
            if time.monotonic() - self._beat_at >= protocol.HEARTBEAT_S:
                self._beat_at = time.monotonic()
                await self._tell_sum()
                await self._write(protocol.heartbeat(cursor=self.cursor))

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        """Nothing is asked of a browser; what is too large or no text ends the socket."""
        if text_data is None or len(text_data.encode()) > protocol.FRAME_MAX:
            await self._refuse(Refused(Close.BAD_REQUEST, f"Text frames of at most {protocol.FRAME_MAX} bytes only."))

    async def _refuse(self, refused: Refused) -> None:
        """Once. From the first line on no entry follows; a reader that stands in the way of the last words goes without."""
        if self._refused:
            return
        self._refused, self.joined = True, False
        hub.current().leave(self)
        try:
            async with asyncio.timeout(_LAST_WORDS_S), self._order:
                await self.send(text_data=protocol.error(code=refused.code, message=refused.message))
                await self.close(int(refused.code))
        except Exception as error:  # noqa: BLE001  (the reader is gone or too slow, whatever its server calls that)
            self.end(type(error).__name__)
        self._leave()

    def _leave(self) -> None:
        hub.current().leave(self)
        self.joined = False
        if hasattr(self, "viewer"):
            feed.current().leave(self.viewer.account_id, self)


def _ground(account_id: UUID) -> tuple[str, int]:
    return selectors.epoch(), selectors.oldest(account_id)
