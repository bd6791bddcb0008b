"""Threads that own a database connection each: the one border between the event loop and the database.

Work crosses it in batches, so that a hop costs nothing for each event.
"""

import asyncio
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from itertools import count
from queue import PriorityQueue
from typing import Any, TypeVar
from weakref import WeakKeyDictionary

from django.db import DataError, IntegrityError, InterfaceError, InternalError, OperationalError, connection
from django.db.backends.signals import connection_created

from apps.common.metrics import LANE_SECONDS

T = TypeVar("T")

# What a lost connection, a restart, a lock or a deadlock raises: the same work may succeed when it is done again.
# InternalError: a server that became read-only, as after a failover or with a full disk.
TRANSIENT = (OperationalError, InterfaceError, InternalError)
# Seconds that the end of a process waits for work under way: a database that hangs would keep it for ever.
_CLOSE_S = 2.0
_numbers = count()
_thread = threading.local()


def is_locked(error: BaseException) -> bool:
    """Whether it says that somebody else holds a row of the batch: the other rows are free. Nothing was written."""
    return getattr(error.__cause__, "sqlstate", "") == "55P03"


@dataclass(order=True, slots=True)
class _Job:
    """What is due first goes first; of equals, what came first."""

    due: float
    number: int = field(default_factory=lambda: next(_numbers))
    future: "Future[Any]" = field(default_factory=Future, compare=False)
    work: Callable[[], Any] | None = field(default=None, compare=False)
    """None: the thread ends."""
    put_at: float = field(default_factory=time.monotonic, compare=False)


class Crew:
    """A few threads. They are daemons: one that hangs in a dead database's socket does not keep the process from its end."""

    def __init__(self, name: str, threads: int, lock_timeout_ms: int) -> None:
        self._lock_timeout_ms = lock_timeout_ms
        self._jobs: PriorityQueue[_Job] = PriorityQueue()
        self._waited = LANE_SECONDS.labels(name).observe
        names = [f"{name}_{number}" for number in range(threads)]
        self._threads = [threading.Thread(target=self._serve, name=each, daemon=True) for each in names]
        for thread in self._threads:
            thread.start()

    def put(self, work: Callable[[], T], due: float) -> "Future[T]":
        job = _Job(due, work=work)
        self._jobs.put(job)
        return job.future

    def close(self, end: float) -> None:
        """Finishes what waits and closes the connections, or gives up at `end` of the monotonic clock."""
        for _ in self._threads:
            self._jobs.put(_Job(float("inf")))
        for thread in self._threads:
            thread.join(max(0.0, end - time.monotonic()))

    def _serve(self) -> None:
        _thread.lock_timeout_ms = self._lock_timeout_ms
        while (job := self._jobs.get()).work is not None:
            self._waited(time.monotonic() - job.put_at)
            if job.future.set_running_or_notify_cancel():
                _settle(job.future, job.work)
            del job  # its result must not live until the next one comes
        connection.close()


def _settle(future: "Future[Any]", work: Callable[[], Any]) -> None:
    try:
        result = work()
    except BaseException as error:  # noqa: BLE001  (raised again, at whoever waits; the thread goes on)
        if not isinstance(error, (DataError, IntegrityError)):  # those are the row's fault, not the connection's
            with suppress(Exception):  # a connection that cannot even be closed
                connection.close()
        future.set_exception(error)
    else:
        future.set_result(result)


@dataclass(frozen=True, slots=True)
class Lane:
    """A kind of work, on the threads that do it. `patience_s`: how much later than others' work it may begin."""

    crew: Crew
    patience_s: float

    async def run(self, work: Callable[..., T], *arguments: object) -> T:
        """The result of `work(*arguments)`. Its exception is raised here; after a transient one the connection is new."""
        future = self.crew.put(partial(work, *arguments), time.monotonic() + self.patience_s)
        return await asyncio.wrap_future(future)


@dataclass(frozen=True, slots=True)
class _Kind:
    threads: int = 1
    patience_s: float = 0.0
    lock_timeout_ms: int = 0
    """How long a statement waits for a row that somebody holds; 0: as long as a page's."""
    writes: bool = True


# On SQLite all that write share one thread: one file takes one writer at a time, and a queue is fairer than a lock. There
# the engine goes first, then posts, then chores; what has waited for its patience goes before what comes later, so that
# nobody starves: 100 ms of patience for posts were seen in their answers beside 20,000 deliveries. "accept" has two threads:
# while one batch commits, the next gathers.
_KINDS = {
    "engine": _Kind(lock_timeout_ms=500),
    "record": _Kind(lock_timeout_ms=500),
    "accept": _Kind(threads=2, patience_s=0.02, lock_timeout_ms=500),
    "accept_large": _Kind(patience_s=0.2, lock_timeout_ms=500),
    # Finds which part of a batch met a lock, while the rest of it waits; then looks whether the row is free, again and again.
    "divide": _Kind(lock_timeout_ms=50),
    "apart": _Kind(patience_s=0.2, lock_timeout_ms=250),
    "chores": _Kind(patience_s=1.0, lock_timeout_ms=500),
    "read": _Kind(threads=2, writes=False),
    # Who asks how we fare is answered also while the others' threads wait for a database that hangs: whether it can store,
    # and the numbers for operators.
    "probe": _Kind(lock_timeout_ms=500),
    "vitals": _Kind(writes=False),
    # Waits for a mail server, which on SQLite must not keep the one writer; it writes little, as a page does.
    "mail": _Kind(lock_timeout_ms=500, writes=False),
    "heavy": _Kind(writes=False),  # no database: what would block the event loop, one at a time
}
# Rows that a claim or a record takes in one such turn: one of 400 held up everybody's posts for 0.1 s of its own time, and for
# twice that beside a busy event loop (measured).
_TURN = 100
_crews: dict[str, Crew] = {}


def in_turn(most: int) -> int:
    """So many of them at once that those whose turn comes later do not wait long."""
    return min(most, _TURN) if connection.vendor == "sqlite" else most


def lane(name: str) -> Lane:
    """The process's lane of that name."""
    kind = _KINDS[name]
    key = "writer" if connection.vendor == "sqlite" and kind.writes else name
    if key not in _crews:
        _crews[key] = Crew(key, 1 if key == "writer" else kind.threads, kind.lock_timeout_ms)
    return Lane(_crews[key], kind.patience_s)


def close_lanes() -> None:
    """Ends every lane of the process, within 2 s; the next `lane()` starts a new one."""
    end = time.monotonic() + _CLOSE_S
    while _crews:
        _crews.popitem()[1].close(end)


# The PostgreSQL connections whose lock_timeout is not the one with which they began: the pool hands them on.
_bounded: "WeakKeyDictionary[Any, int]" = WeakKeyDictionary()


def _bound_locks(connection: Any, **_: Any) -> None:
    wanted = getattr(_thread, "lock_timeout_ms", 0)
    if connection.vendor == "postgresql" and _bounded.get(connection.connection, 0) != wanted:
        with connection.cursor() as cursor:
            cursor.execute(f"SET lock_timeout = {wanted}" if wanted else "RESET lock_timeout")
        _bounded[connection.connection] = wanted


connection_created.connect(_bound_locks)
