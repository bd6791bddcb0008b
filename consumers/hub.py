"""What one process knows of its sockets: once a second, in six queries for all of them, whether each may go on and is
where its account is. A lost last message has no successor: only this look finds it."""

import asyncio
import logging
from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

from apps.accounts import selectors as accounts
from apps.common.batching import Batcher, Overloaded, PerLoop
from apps.common.lanes import TRANSIENT, lane
from apps.common.metrics import SOCKETS
from apps.common.rate import Ask, RateLimit
from apps.logs import selectors as logs
from apps.users import selectors as users
from consumers import protocol

logger = logging.getLogger(__name__)

_LOOK_EVERY_S = 1.0


@dataclass(frozen=True, slots=True)
class Viewer:
    """Who watches what, by a browser's session or by a REST client's sign-in."""

    account_id: UUID
    user_id: UUID
    session_key: str = ""
    sign_in_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class View:
    """What the look found for one viewer."""

    signed_in: bool
    account_exists: bool
    role: str | None
    newest: int


class Watcher(Protocol):
    viewer: Viewer
    cursor: int

    def may_stay(self, view: View) -> bool: ...

    async def looked(self, view: View, *, was_at: int) -> None:
        """`was_at`: the watcher's cursor before the look began; a broadcast may have moved it on since."""

    def end(self, why: str) -> None: ...


def look(viewers: set[Viewer]) -> dict[Viewer, View]:
    """Six queries, however many viewers."""
    account_ids = {viewer.account_id for viewer in viewers}
    sessions = users.signed_in({viewer.session_key for viewer in viewers if viewer.session_key})
    sign_ins = users.living({viewer.sign_in_id for viewer in viewers if viewer.sign_in_id})
    roles = accounts.roles((viewer.account_id, viewer.user_id) for viewer in viewers)
    existing = accounts.existing(account_ids)
    newest = logs.newest(account_ids)
    return {
        viewer: View(
            signed_in=viewer.user_id in {sessions.get(viewer.session_key), sign_ins.get(viewer.sign_in_id or viewer.user_id)},
            account_exists=viewer.account_id in existing,
            role=roles.get((viewer.account_id, viewer.user_id)),
            newest=newest[viewer.account_id],
        )
        for viewer in viewers
    }


class Hub:
    """One for each event loop. Looks while anybody watches."""

    def __init__(self) -> None:
        self._watchers: set[Watcher] = set()
        self._telling: dict[Watcher, asyncio.Task[None]] = {}
        self._task: asyncio.Task[None] | None = None

    def join(self, watcher: Watcher) -> None:
        self._watchers.add(watcher)
        SOCKETS.set(len(self._watchers))
        if self._task is None:
            self._task = asyncio.create_task(self._run(), name="live-hub")

    def leave(self, watcher: Watcher) -> None:
        self._watchers.discard(watcher)
        SOCKETS.set(len(self._watchers))

    def sockets_of(self, user_id: UUID) -> int:
        return sum(watcher.viewer.user_id == user_id for watcher in self._watchers)

    async def _run(self) -> None:
        try:
            while self._watchers:
                await asyncio.sleep(_LOOK_EVERY_S)
                try:
                    await self._look_once()
                except Exception:
                    logger.exception("the look at the live sockets goes on after an error")
        finally:
            self._task = None

    async def _look_once(self) -> None:
        cursors = {watcher: watcher.cursor for watcher in self._watchers}
        try:
            views = await lane("read").run(look, {watcher.viewer for watcher in cursors})
        except Exception as error:  # noqa: BLE001  (whatever it was, the next look may succeed)
            logger.warning("live sockets wait for the database: %s", type(error).__name__)
            return
        for watcher, was_at in cursors.items():
            if watcher not in self._watchers or not watcher.may_stay(views[watcher.viewer]):
                continue
            # One that still stands with its last look reads slowly, or not at all: it must hold up nobody else.
            if watcher not in self._telling:
                self._telling[watcher] = asyncio.create_task(self._tell(watcher, views[watcher.viewer], was_at))

    async def _tell(self, watcher: Watcher, view: View, was_at: int) -> None:
        try:
            await watcher.looked(view, was_at=was_at)
        except TRANSIENT:
            pass  # the next look may succeed
        except Exception as error:  # noqa: BLE001  (it costs this one socket; the browser comes back)
            watcher.end(type(error).__name__)
        finally:
            del self._telling[watcher]


current = PerLoop(Hub)
_opens: PerLoop[Batcher[Ask, bool]] = PerLoop(lambda: Batcher(RateLimit().allow))


async def may_open(user_id: UUID) -> bool:
    """Whether the user may open one more socket now; counts it. Opening costs a few queries, which following does not."""
    try:
        return await _opens().submit(Ask(f"sockets:{user_id}", protocol.OPENS_A_MINUTE, 60))
    except Overloaded:
        return False
