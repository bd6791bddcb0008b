"""Lanes: what goes first, that nobody starves, and that no error and no dead thread keeps the others."""

import asyncio
import time
from collections.abc import Iterator
from functools import partial
from threading import Event, current_thread

import pytest

from apps.common import lanes
from apps.common.lanes import Crew, lane


@pytest.fixture
def crew() -> Iterator[Crew]:
    running = Crew("crew", 1, 0)
    yield running
    running.close(time.monotonic() + 5)


def ordered(crew: Crew, dues: list[float]) -> list[float]:
    """The order in which work of these dues is done, when all of it waits for what is under way."""
    go_on, done = Event(), list[float]()
    crew.put(go_on.wait, 0.0)
    waiting = [crew.put(partial(done.append, due), due) for due in dues]
    go_on.set()
    for future in waiting:
        future.result(5)
    return done


def test_what_is_due_first_goes_first(crew: Crew) -> None:
    assert ordered(crew, [3.0, 1.0, 2.0]) == [1.0, 2.0, 3.0]


def test_what_has_waited_for_its_patience_goes_before_what_came_later(crew: Crew) -> None:
    chore = 100.0 + lanes._KINDS["chores"].patience_s
    records = [100.0 + number / 2 for number in range(5)]
    assert ordered(crew, [chore, *records]) == [100.0, 100.5, chore, 101.0, 101.5, 102.0]


async def test_on_sqlite_the_engine_goes_before_posts_and_posts_before_chores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("django.db.connection.vendor", "sqlite")
    go_on, done = Event(), list[str]()
    first = asyncio.create_task(lane("chores").run(go_on.wait))
    await asyncio.sleep(0)
    names = ("chores", "accept_large", "accept", "record")
    waiting = [asyncio.create_task(lane(name).run(done.append, name)) for name in names]
    await asyncio.sleep(0.05)
    go_on.set()
    await asyncio.gather(first, *waiting)
    assert done == ["record", "accept", "accept_large", "chores"]


def test_an_error_is_its_own_works_only(crew: Crew) -> None:
    def fail() -> None:
        raise SystemExit("as bad as it gets")

    with pytest.raises(SystemExit):
        crew.put(fail, 0.0).result(5)
    assert crew.put(current_thread, 0.0).result(5).name == "crew_0"


async def test_work_that_nobody_waits_for_any_more_is_not_done() -> None:
    go_on, done = Event(), list[int]()
    first = asyncio.create_task(lane("heavy").run(go_on.wait))
    await asyncio.sleep(0)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05):
            await lane("heavy").run(done.append, 1)
    go_on.set()
    await first
    await lane("heavy").run(done.append, 2)
    assert done == [2]


async def test_closing_does_not_wait_for_what_hangs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lanes, "_CLOSE_S", 0.1)
    go_on = Event()
    hanging = asyncio.create_task(lane("heavy").run(go_on.wait))
    await asyncio.sleep(0.05)
    began = time.monotonic()
    lanes.close_lanes()
    assert time.monotonic() - began < 5
    assert await lane("heavy").run(len, "new") == 3
    go_on.set()
    await hanging
