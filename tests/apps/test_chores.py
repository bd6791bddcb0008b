"""The chores beside the engine: at once while there is work, once a second when there is none, and through every error."""

import asyncio
import logging
import time
from collections.abc import Callable
from threading import current_thread

import pytest
from django.db import OperationalError, connection

from apps.accounts.services import delete_account
from apps.deliveries import chores, worker
from apps.deliveries.chores import CHORES, Chore, Chores
from apps.deliveries.models import Closing, Delivery
from apps.destinations.services import pause
from tests.cast import Cast
from tests.posting import in_db, post, until


def noted(into: list[float], results: Callable[[int], int]) -> Callable[[], int]:
    """A step that notes when it was taken."""

    def step() -> int:
        into.append(time.monotonic())
        return results(len(into))

    return step


async def run(*given: Chore, enough: Callable[[], bool]) -> None:
    running = Chores(given)
    running.start()
    await until(enough)
    await running.stop()


async def test_full_batches_go_on_at_once_and_then_it_rests(store: None) -> None:
    taken, others = list[float](), list[float]()
    often = Chore("b", noted(others, lambda _: 0), every_s=0.02)
    await run(
        Chore("a", noted(taken, lambda number: 1000 if number < 5 else 3), every_s=600), often, enough=lambda: len(others) > 9
    )
    assert len(taken) == 5


async def test_one_that_is_always_busy_does_not_keep_the_others_waiting(store: None) -> None:
    busy, other = list[float](), list[float]()
    chores_ = (Chore("busy", noted(busy, lambda _: 1000)), Chore("other", noted(other, lambda _: 0), every_s=0.05))
    await run(*chores_, enough=lambda: len(other) >= 3)
    assert len(busy) >= 3


@pytest.mark.parametrize("error", [OperationalError, ZeroDivisionError])
async def test_no_error_ends_it_and_the_others_go_on(
    store: None, error: type[Exception], caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(number: int) -> int:
        if number <= 3:
            raise error
        return 0

    monkeypatch.setattr(chores, "_BACK_OFF_S", (0.01, 0.04))
    broken, sound = list[float](), list[float]()
    chores_ = (Chore("broken", noted(broken, failing), 0.05), Chore("sound", noted(sound, lambda _: 0), 0.05))
    with caplog.at_level(logging.WARNING):
        await run(*chores_, enough=lambda: len(broken) >= 5 and len(sound) >= 5)
    assert caplog.text.count("broken") == 3


async def test_it_stops_promptly(store: None) -> None:
    steps = list[float]()
    running = Chores((Chore("idle", noted(steps, lambda _: 0), every_s=60),))
    running.start()
    await asyncio.sleep(0)
    async with asyncio.timeout(10):
        await running.stop()
    assert len(steps) <= 1


async def test_on_sqlite_it_writes_through_the_one_writer(store: None) -> None:
    names: list[str] = []

    def step() -> int:
        names.append(current_thread().name)
        return 0

    await run(Chore("a", step), enough=lambda: bool(names))
    assert names[0].startswith("writer" if connection.vendor == "sqlite" else "chores")


async def test_what_was_deleted_is_cancelled_without_anybody_asking(cast: Cast) -> None:
    destination = await in_db(cast.destination, "https://example.com/hook")
    await in_db(pause, destination=destination, by=await in_db(lambda: cast.admin))
    await post(cast.token, "e1", b"{}")
    await in_db(lambda: delete_account(by=cast.admin))
    running = Chores(CHORES)
    running.start()
    await until(lambda: Delivery.objects.filter(status="cancelled", reason="deleted").exists())
    await until(lambda: not Closing.objects.exists())
    await running.stop()
    assert await in_db(lambda: Delivery.objects.values_list("status", "reason").get()) == ("cancelled", "deleted")


async def test_a_worker_begins_and_ends_both(store: None) -> None:
    worker.start()
    tasks = [task for task in asyncio.all_tasks() if task.get_name() in {"chores", "deliveries-engine"}]
    await asyncio.sleep(0.1)
    assert [task.done() for task in tasks] == [False, False]
    await worker.stop()
    assert [task.done() for task in tasks] == [True, True]
