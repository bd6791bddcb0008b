"""A browser that watches: it comes back from its cursor when its socket ends."""

import asyncio
import json
import threading
import time
from contextlib import suppress
from typing import Any

import websockets

from tests.integration.product import Prepared, Product


def socket_of(product: Product, prepared: Prepared, query: str = "") -> websockets.connect:
    url = f"{product.url.replace('http', 'ws')}/ws/accounts/{prepared.account_id}/logs/?{query}"
    cookie = {"Cookie": f"sessionid={prepared.session}"}
    return websockets.connect(url, origin=websockets.Origin(product.url), additional_headers=cookie)


def hello_of(product: Product, prepared: Prepared, query: str = "") -> dict[str, Any]:
    """The first frame, as soon as a socket can be opened."""

    async def first() -> dict[str, Any]:
        async with socket_of(product, prepared, query) as socket:
            frame: dict[str, Any] = json.loads(await socket.recv())
            return frame

    end = time.monotonic() + 20
    while True:
        with suppress(OSError, websockets.WebSocketException):
            frame = asyncio.run(first())
            assert frame["type"] == "hello"
            return frame
        assert time.monotonic() < end, "no socket can be opened"
        time.sleep(0.2)


class Viewer:
    """`with Viewer(product, prepared) as viewer:` then `viewer.seen`, the cursor of each entry in the order of arrival."""

    def __init__(self, product: Product, prepared: Prepared) -> None:
        self.product, self.prepared = product, prepared
        self.seen: list[int] = []
        self.resets = self.cursor = 0
        self.epoch = ""
        self._stop, self._entered = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._watch()))

    def __enter__(self) -> "Viewer":
        self._thread.start()
        assert self._entered.wait(20)
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    async def _watch(self) -> None:
        while not self._stop.is_set():
            query = f"after={self.cursor}&epoch={self.epoch}"
            with suppress(OSError, websockets.WebSocketException):
                async with socket_of(self.product, self.prepared, query) as socket:
                    while not self._stop.is_set():
                        with suppress(TimeoutError):
                            self._take(json.loads(await asyncio.wait_for(socket.recv(), 0.5)))
            await asyncio.sleep(0.2)

    def _take(self, frame: dict[str, Any]) -> None:
        if frame["type"] == "hello":
            self.resets += bool(frame.get("reset"))
            self.cursor, self.epoch = frame["cursor"], frame["epoch"]
            self._entered.set()
        if frame["type"] == "logs":
            self.seen += [entry["cursor"] for entry in frame["entries"]]
            self.cursor = frame["cursor"]
