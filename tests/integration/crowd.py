"""Many viewers at once, in a thread with an event loop of its own: each comes back from its cursor when its socket ends."""

import asyncio
import threading
import time
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import orjson
import websockets

from tests.integration.product import Prepared, Product
from tests.integration.viewer import socket_of


@dataclass
class Seat:
    """One viewer. `pause_s`: how long it takes over each frame; `stalls`: it takes none after the first."""

    who: Prepared
    query: str = ""
    pause_s: float = 0.0
    stalls: bool = False
    seen: list[tuple[int, str, float]] = field(default_factory=list)
    """Cursor, id and time of arrival (of the wall clock, which is the database's) of each entry."""
    summed: int = 0
    """Entries that were counted in a summary."""
    hellos: list[dict[str, Any]] = field(default_factory=list)
    frames: list[float] = field(default_factory=list)
    """When each frame with entries came."""
    error: dict[str, Any] | None = None
    cursor: int = 0
    epoch: str = ""
    port: int = 0
    """Of its present socket, at our end."""

    @property
    def resets(self) -> int:
        return sum(bool(hello.get("reset")) for hello in self.hellos)

    def take(self, frame: dict[str, Any]) -> None:
        kind, now = frame["type"], time.time()
        if kind == "hello":
            self.hellos.append(frame)
            self.epoch = frame["epoch"]
        if kind == "logs":
            assert frame["after"] == self.cursor
            self.seen += [(entry["cursor"], entry["id"], now) for entry in frame["entries"]]
            self.frames += [now] if frame["entries"] else []
        if kind == "summary":
            assert frame["from"] == self.cursor + 1
            self.summed += sum(frame["by_status"].values())
            self.frames.append(now)
        if kind == "error":
            self.error = frame
        self.cursor = frame.get("cursor", self.cursor)


class Crowd:
    """`with Crowd(product, seats) as crowd:` everybody has been let in once."""

    def __init__(self, product: Product, seats: Iterable[Seat]) -> None:
        self.product, self.seats = product, list(seats)
        self._sockets: dict[int, websockets.ClientConnection] = {}
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run)
        self._stop = threading.Event()
        self.failed: list[BaseException] = []

    def __enter__(self) -> "Crowd":
        self._thread.start()
        end = time.monotonic() + 180
        while not all(seat.hellos for seat in self.seats):
            assert time.monotonic() < end, f"{sum(not seat.hellos for seat in self.seats)} viewers were not let in"
            time.sleep(0.05)
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()
        assert self.failed == []

    def cut(self, part: int, of: int) -> None:
        """Ends every so manieth socket without a word."""

        def abort() -> None:
            for number, socket in tuple(self._sockets.items()):
                if number % of == part:
                    socket.transport.abort()

        self._loop.call_soon_threadsafe(abort)

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_until_complete(self._all())
        self._loop.close()

    async def _all(self) -> None:
        tasks = [asyncio.create_task(self._watch(number, seat)) for number, seat in enumerate(self.seats)]
        await asyncio.to_thread(self._stop.wait)
        for task in tasks:
            task.cancel()
        ended = await asyncio.gather(*tasks, return_exceptions=True)
        self.failed += [each for each in ended if isinstance(each, Exception)]

    async def _watch(self, number: int, seat: Seat) -> None:
        await asyncio.sleep(number / 100)  # they do not all knock at once
        while seat.error is None:
            query = f"after={seat.cursor}&epoch={seat.epoch}&{seat.query}" if seat.hellos else seat.query
            with suppress(OSError, websockets.WebSocketException):
                async with socket_of(self.product, seat.who, query.strip("&")) as socket:
                    self._sockets[number] = socket
                    seat.port = socket.local_address[1]
                    async for text in socket:
                        seat.take(orjson.loads(text))
                        if seat.stalls:
                            socket.transport.pause_reading()
                            await asyncio.Event().wait()
                        await asyncio.sleep(seat.pause_s)
            await asyncio.sleep(0.2)
