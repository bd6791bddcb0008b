"""Threads that own a database connection each: the one border between the event loop and the database.

Work crosses it in batches, so that a hop costs nothing for each event.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import TypeVar

from django.db import DataError, IntegrityError, InterfaceError, InternalError, OperationalError, connection

T = TypeVar("T")

# What a lost connection, a restart, a lock or a deadlock raises: the same work may succeed when it is done again.
# InternalError: a server that became read-only, as after a failover or with a full disk.
TRANSIENT = (OperationalError, InterfaceError, InternalError)


class Lane:
    """A few threads that run database work in the order in which it comes."""

    def __init__(self, name: str, threads: int) -> None:
        self._threads = threads
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix=name)

    async def run(self, work: Callable[..., T], *arguments: object) -> T:
        """The result of `work(*arguments)`. Its exception is raised here; after a transient one the connection is new."""
        return await asyncio.get_running_loop().run_in_executor(self._pool, _guarded, work, arguments)

    def close(self) -> None:
        """Finishes what waits, closes the connections."""
        all_here = Barrier(self._threads)
        for _ in range(self._threads):
            self._pool.submit(_leave, all_here)
        self._pool.shutdown()


def _leave(all_here: Barrier) -> None:
    """Closes the connection of the thread that it runs in. The barrier makes each thread take one of these."""
    all_here.wait()
    connection.close()


def _guarded(work: Callable[..., T], arguments: tuple[object, ...]) -> T:
    try:
        return work(*arguments)
    except (DataError, IntegrityError):
        raise  # the row's fault, not the connection's
    except Exception:
        connection.close()
        raise


# name -> threads. On SQLite all writers share one thread: one file takes one writer at a time, and a queue is fairer than
# a lock. "accept" has two: while one batch commits, the next gathers.
_THREADS = {"accept": 2, "engine": 1, "record": 1, "read": 2}
_WRITERS = {"accept", "engine", "record"}
_lanes: dict[str, Lane] = {}


def lane(name: str) -> Lane:
    """The process's lane of that name."""
    key = "writer" if connection.vendor == "sqlite" and name in _WRITERS else name
    if key not in _lanes:
        _lanes[key] = Lane(key, 1 if key == "writer" else _THREADS[name])
    return _lanes[key]


def close_lanes() -> None:
    """Ends every lane of the process; the next `lane()` starts a new one."""
    while _lanes:
        _lanes.popitem()[1].close()
