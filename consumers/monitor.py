"""The browser's socket: authenticate, catch up, follow. The database is the truth; a broadcast only makes it quick."""

import asyncio
import logging
import time
from contextlib import suppress
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl
from uuid import UUID

from channels.generic.websocket import AsyncWebsocketConsumer
from django.conf import settings
from django.http import parse_cookie
from django.utils import timezone

from apps.common.lanes import TRANSIENT, lane
from apps.logs import selectors
from apps.logs.broadcast import LAYER_AWAY, group_of
from apps.logs.selectors import Entry
from apps.users.selectors import bearer_of, signed_in
from consumers import hub, protocol
from consumers.asgi import Receive, Scope, Send
from consumers.hub import View, Viewer
from consumers.protocol import Close

logger = logging.getLogger(__name__)

# Seconds: messages of two batches may overtake each other; what is late by more is read from the database.
_OUT_OF_ORDER_S = 0.1
# Seconds a reader may take for one frame; then its socket ends, and the browser comes back with its cursor.
_SEND_S = 20
# Seconds to tell a removed member why: within the 5 that the contract gives.
_LAST_WORDS_S = 3


class Refused(Exception):
    def __init__(self, code: Close, message: str) -> None:
        self.code, self.message = code, message


@dataclass(frozen=True, slots=True)
class Query:
    after: int | None
    epoch: str
    status: str
    destination_id: str

    @classmethod
    def parse(cls, query: bytes) -> "Query":
        """Raises Refused (4400) naming the parameter that is unknown, given twice or malformed."""
        pairs = parse_qsl(query.decode("latin-1"), keep_blank_values=True)
        given = dict(pairs)
        if unknown := sorted(given.keys() - {"after", "epoch", "status", "destination_id"}):
            raise Refused(Close.BAD_REQUEST, f"Unknown parameter: {unknown[0][:40]}")
        if len(given) < len(pairs):
            raise Refused(Close.BAD_REQUEST, "A parameter is given twice.")
        after = given.get("after")
        if after is not None and not (after.isascii() and after.isdigit() and len(after) <= 18):
            raise Refused(Close.BAD_REQUEST, "after: a cursor is a whole number.")
        if given.get("status", "success") not in selectors.STATUSES:
            raise Refused(Close.BAD_REQUEST, "status: success or failed.")
        destination = _uuid(given["destination_id"]) if "destination_id" in given else ""
        return cls(None if after is None else int(after), given.get("epoch", ""), given.get("status", ""), destination)

    def passes(self, entry: Entry) -> bool:
        return self.status in {"", entry.status} and self.destination_id in {"", entry.destination_id}


def _uuid(value: str) -> str:
    try:
        return str(UUID(value))
    except ValueError:
        raise Refused(Close.BAD_REQUEST, "destination_id: a UUID.") from None


class Gone(Exception):
    """Nobody reads any more: refused meanwhile, away, or too slow."""


class MonitorConsumer(AsyncWebsocketConsumer):
    viewer: Viewer
    query: Query

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Runs until the socket ends, or until `_end`. However it ends, nothing of it stays behind."""
        self.cursor, self.role, self._group = 0, "", ""
        self.joined = self._refused = False
        self._ended = asyncio.Event()
        self._order = asyncio.Lock()  # one writer at a time: broadcasts, the hub's look and the catching up
        running = asyncio.create_task(super().__call__(scope, receive, send))
        ended = asyncio.create_task(self._ended.wait())
        try:
            await asyncio.wait({running, ended}, return_when=asyncio.FIRST_COMPLETED)
            running.cancel()
            await running
        except asyncio.CancelledError:
            if not self._ended.is_set():
                raise
        except LAYER_AWAY as error:
            # Channels subscribes before it connects: with the layer away the socket is refused, and the browser comes back.
            logger.warning("live socket ended: %s", type(error).__name__)
            with suppress(Exception):
                await send({"type": "websocket.close", "code": 1013})
        finally:
            ended.cancel()
            await self._leave()

    async def dispatch(self, message: dict[str, Any]) -> None:
        """As Channels does, without its hop to the database thread for each message: this consumer touches no database
        but through a lane. With 200 sockets that took p99 from 623 to 35 ms."""
        with suppress(Gone):
            await getattr(self, message["type"].replace(".", "_"))(message)

    async def connect(self) -> None:
        self._beat_at = time.monotonic()
        offered = self.scope["subprotocols"]
        bearer = next((word for word in offered if word.startswith(protocol.BEARER)), None)
        if bearer is None and _header(self.scope, b"origin") not in settings.ALLOWED_ORIGINS:
            await self.close()  # before accept: the handshake is refused with 403
            return
        await self.accept(protocol.VERSION if protocol.VERSION in offered else None)
        try:
            await self._enter(bearer)
        except Refused as refused:
            await self._refuse(refused)
        except TRANSIENT:
            await self.close(1013)  # try again later

    async def _enter(self, bearer: str | None) -> None:
        """Register, then snapshot, then follow: nothing falls between."""
        self.query = Query.parse(self.scope["query_string"])
        self.viewer = await self._identify(bearer)
        self._group = group_of(self.viewer.account_id)
        await self.channel_layer.group_add(self._group, self.channel_name)
        async with self._order:
            view = (await lane("read").run(hub.look, {self.viewer}))[self.viewer]
            self._check(view)
            # No await between the count and the join: sockets that open at once would all be let in.
            if hub.current().sockets_of(self.viewer.user_id) >= protocol.SOCKETS_MAX:
                raise Refused(Close.BAD_REQUEST, f"At most {protocol.SOCKETS_MAX} sockets a user.")
            hub.current().join(self)
            self.joined = True
            self.role = view.role or ""
            await self._hello(view.newest)
            await self._catch_up()

    async def _identify(self, bearer: str | None) -> Viewer:
        """By the bearer where one is sent, which then alone counts; else by the session's cookie."""
        account_id = self.scope["url_route"]["kwargs"]["account_id"]
        if bearer is not None:
            found = await lane("read").run(bearer_of, bearer.removeprefix(protocol.BEARER))
            if found is not None:
                return Viewer(account_id, found.user_id, sign_in_id=found.pk)
            raise Refused(Close.UNAUTHENTICATED, "The access token is not valid. Sign in again.")
        cookies = parse_cookie(_header(self.scope, b"cookie"))
        session_key = cookies.get(settings.SESSION_COOKIE_NAME, "")
        user_id = (await lane("read").run(signed_in, {session_key})).get(session_key)
        if user_id is None:
            raise Refused(Close.UNAUTHENTICATED, "Sign in to watch.")
        return Viewer(account_id, user_id, session_key=session_key)

    def _check(self, view: View) -> None:
        """Raises Refused when the viewer may not watch (any more). Who never was a member finds no account."""
        if not view.signed_in:
            raise Refused(Close.UNAUTHENTICATED, "You are signed out. Sign in to watch.")
        if not view.account_exists or (view.role is None and not self.joined):
            raise Refused(Close.NO_ACCOUNT, "There is no such account.")
        if view.role is None:
            raise Refused(Close.REMOVED, "You are no longer a member of this account.")

    async def _hello(self, newest: int, *, again: bool = False) -> None:
        """The first frame. Sets the cursor from which this socket goes on."""
        epoch, oldest = await lane("read").run(_ground, self.viewer.account_id)
        reset = False
        if not again:
            after = newest if self.query.after is None else self.query.after
            other_epoch = self.query.epoch not in {"", epoch}
            reset = other_epoch or after > newest or after < oldest - 1 or newest - after > protocol.BEHIND_MAX
            self.cursor = newest if reset else after
        server_time = selectors.instant(timezone.now()) or ""
        frame = protocol.hello(
            cursor=self.cursor, epoch=epoch, oldest=oldest, server_time=server_time, role=self.role, reset=reset
        )
        await self._write(frame)

    async def _catch_up(self) -> None:
        """Reads from the database until there is no more. The caller holds the order."""
        while entries := await lane("read").run(
            selectors.entries_after, self.viewer.account_id, self.cursor, protocol.ENTRIES_MAX
        ):
            await self._show(entries)

    async def _show(self, entries: list[Entry]) -> None:
        for part in protocol.frames(entries):
            shown = [entry for entry in part if self.query.passes(entry)]
            await self._write(protocol.logs(after=self.cursor, cursor=part[-1].cursor, entries=shown))
            self.cursor = part[-1].cursor

    async def _write(self, frame: str) -> None:
        """Raises Gone when nothing may follow any more, or when the reader does not take it."""
        if self._refused:
            raise Gone
        try:
            async with asyncio.timeout(_SEND_S):
                await self.send(text_data=frame)
        except Exception as error:  # each server has its own for a reader that is gone
            self._end(type(error).__name__)
            raise Gone from error

    def _end(self, why: str) -> None:
        logger.info("live socket ended: %s", why)
        self._refused = True
        hub.current().leave(self)
        self._ended.set()

    async def log_entries(self, message: dict[str, Any]) -> None:
        """A broadcast. What is known is dropped; a hole waits a moment and is then read from the database."""
        if not self.joined or message["cursor"] <= self.cursor:
            return
        if message["after"] > self.cursor:
            await asyncio.sleep(_OUT_OF_ORDER_S)
        async with self._order:
            if message["after"] > self.cursor:
                await self._from_database()
            new = [Entry(*fields) for fields in message["entries"] if fields[0] > self.cursor]
            if new and new[0].cursor == self.cursor + 1:
                await self._show(new)

    async def _from_database(self) -> None:
        """Catches up; a database that is away is asked again by the hub's next look."""
        with suppress(*TRANSIENT):
            await self._catch_up()

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
        async with self._order:
            if view.role != self.role:
                self.role = view.role or ""
                await self._hello(view.newest, again=True)
            if view.newest < was_at:  # the database was put back: the browser comes again and is reset
                self._refused = True
                hub.current().leave(self)
                await self.close(1012)
                return
            if view.newest > self.cursor:
                await self._from_database()
            if time.monotonic() - self._beat_at >= protocol.HEARTBEAT_S:
                self._beat_at = time.monotonic()
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
            self._end(type(error).__name__)
        await self._leave()

    async def _leave(self) -> None:
        hub.current().leave(self)
        self.joined = False
        if self._group:
            group, self._group = self._group, ""
            try:
                await self.channel_layer.group_discard(group, self.channel_name)
            except Exception as error:  # noqa: BLE001  (redis-py raises more than its own errors; the group forgets by itself)
                logger.warning("a group was not left: %s", type(error).__name__)


def _ground(account_id: UUID) -> tuple[str, int]:
    return selectors.epoch(), selectors.oldest(account_id)


def _header(scope: dict[str, Any], name: bytes) -> str:
    return str(next((value.decode("latin-1") for key, value in scope["headers"] if key == name), ""))
