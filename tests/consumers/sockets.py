"""A browser's socket, as a server would hand it to the application."""

import json
from collections.abc import Sequence
from typing import Any
from uuid import UUID

from channels.testing import WebsocketCommunicator
from django.conf import settings
from django.test import Client

from apps.users.models import User
from consumers.routing import application
from tests.browsing import sign_in
from tests.cast import Cast
from tests.posting import in_db

Frame = dict[str, Any]

# Seconds until a test that waits for a frame fails; never a measure of anything.
_PATIENCE_S = 15


def session_of(client: Client) -> str:
    return client.cookies[settings.SESSION_COOKIE_NAME].value


class Socket:
    """Keeps the contract's books: each `logs` frame must begin where the last frame ended."""

    def __init__(
        self,
        path: str,
        *,
        session: str = "",
        origin: str | None = None,
        subprotocols: Sequence[str] = (),
    ) -> None:
        headers = [] if origin is None else [(b"origin", origin.encode())]
        if session:
            headers.append((b"cookie", f"{settings.SESSION_COOKIE_NAME}={session}".encode()))
        self._communicator = WebsocketCommunicator(application, path, headers=headers, subprotocols=list(subprotocols))
        self.cursor = 0
        self.subprotocol: str | None = None

    async def open(self) -> bool:
        """Whether the handshake was answered with 101."""
        accepted, answer = await self._communicator.connect(timeout=_PATIENCE_S)
        self.subprotocol = answer if accepted else None
        return bool(accepted)

    async def say(self, *, text: str | None = None, data: bytes | None = None) -> None:
        await self._communicator.send_to(text_data=text, bytes_data=data)

    async def text(self) -> str:
        """The next frame as it came. Fails when the socket closes instead."""
        message = await self._next()
        assert message["type"] == "websocket.send", message
        return str(message["text"])

    async def frame(self) -> Frame:
        frame: Frame = json.loads(await self.text())
        if frame["type"] == "logs":
            assert frame["after"] == self.cursor
        self.cursor = frame.get("cursor", self.cursor)
        return frame

    async def entries(self, up_to: int) -> list[Frame]:
        """What the `logs` frames bring until the socket's cursor is there."""
        found: list[Frame] = []
        while self.cursor < up_to:
            found += (await self.frame()).get("entries", [])
        return found

    async def cursors(self, up_to: int) -> list[int]:
        return [entry["cursor"] for entry in await self.entries(up_to)]

    async def end(self) -> tuple[int, int]:
        """The code in the error frame, and the one of the close that follows it at once."""
        while (frame := await self.frame())["type"] != "error":
            pass
        return frame["code"], await self.closed()

    async def closed(self) -> int:
        """The code of the close that comes next."""
        message = await self._next()
        assert message["type"] == "websocket.close", message
        return int(message["code"])

    def silent(self) -> bool:
        """Whether everything that was sent has been read."""
        return bool(self._communicator.output_queue.empty())

    async def leave(self) -> None:
        """The browser is gone. What the application raised is raised here."""
        await self._communicator.disconnect(timeout=_PATIENCE_S)

    async def _next(self) -> Frame:
        message: Frame = await self._communicator.receive_output(timeout=_PATIENCE_S)
        return message


def path_of(account_id: UUID | str, query: str = "") -> str:
    return f"/ws/accounts/{account_id}/logs/" + (f"?{query}" if query else "")


class Browser:
    """Opens sockets in Alice's account unless told otherwise; all of them are closed when the test ends."""

    def __init__(self, cast: Cast) -> None:
        self._cast = cast
        self._sockets: list[Socket] = []

    def socket(self, path: str, *, session: str = "", origin: str | None = None, subprotocols: Sequence[str] = ()) -> Socket:
        """Not opened yet."""
        origin = settings.PUBLIC_URL if origin is None else origin or None
        self._sockets.append(Socket(path, session=session, origin=origin, subprotocols=subprotocols))
        return self._sockets[-1]

    async def open(self, user: User | None = None, account: UUID | None = None, query: str = "", session: str = "") -> Socket:
        """Through the handshake; nothing read yet."""
        session = session or session_of(await in_db(sign_in, user or self._cast.alice))
        socket = self.socket(path_of(account or self._cast.account.pk, query), session=session)
        assert await socket.open()
        return socket

    async def watch(self, user: User | None = None, account: UUID | None = None, query: str = "", session: str = "") -> Socket:
        """As open, with the hello read."""
        socket = await self.open(user, account, query, session)
        assert (await socket.frame())["type"] == "hello"
        return socket

    async def close(self) -> None:
        for socket in self._sockets:
            await socket.leave()
