"""Bounds on connections, the same under each server: how soon a request is there, how large its head is, how many are open."""

import asyncio
import resource
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from django.conf import settings

# Bytes of the request line and all headers, and their number: what Daphne takes, and what Apache and gunicorn take.
HEAD_MAX, HEADERS_MAX = 16_384, 100
# File handles kept for everything else: the database, Redis, tries in the air, files.
_OTHERS = 1_000


def most() -> int:
    """How many connections there may be; raises the process's own limit of file handles as far as it may for them."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = settings.CONNECTIONS_MAX + _OTHERS
    if hard != resource.RLIM_INFINITY:
        wanted = min(wanted, hard)
    if soft < wanted:
        with suppress(OSError, ValueError):  # some systems have one more limit
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
            soft = wanted
    return min(settings.CONNECTIONS_MAX, max(soft - _OTHERS, soft // 2))


class Connections:
    """Of one server: whose request is not there in time is cut off; when there are too many, who has kept us waiting longest.

    `connection` is the server's own object for it, `cut` ends it at once.
    """

    def __init__(self, at_most: int) -> None:
        self._at_most = at_most
        self._open: dict[Any, Callable[[], object]] = {}
        self._awaited: dict[Any, asyncio.TimerHandle] = {}  # who has kept us waiting longest stands first

    def __len__(self) -> int:
        return len(self._open)

    def opened(self, connection: Any, cut: Callable[[], object]) -> None:
        self._open[connection] = cut
        self.awaits_head(connection)
        if len(self._open) > self._at_most:
            self._cut(next(iter(self._awaited)))

    def awaits_head(self, connection: Any) -> None:
        self._awaits(connection, settings.REQUEST_HEAD_S)

    def awaits_body(self, connection: Any) -> None:
        self._awaits(connection, settings.REQUEST_BODY_S)

    def _awaits(self, connection: Any, seconds: float) -> None:
        """Gives it so long. A time that runs already is not made longer."""
        if connection in self._open and connection not in self._awaited:
            self._awaited[connection] = asyncio.get_running_loop().call_later(seconds, self._cut, connection)

    def came(self, connection: Any) -> None:
        """What was missing is there."""
        if timer := self._awaited.pop(connection, None):
            timer.cancel()

    def closed(self, connection: Any) -> None:
        self.came(connection)
        self._open.pop(connection, None)

    def _cut(self, connection: Any) -> None:
        self.came(connection)
        if cut := self._open.pop(connection, None):
            cut()
