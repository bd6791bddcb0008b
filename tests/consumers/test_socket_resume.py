"""A browser comes back with its last cursor: no gap, no double."""

import pytest
from django.db import transaction

from apps.destinations.models import Destination
from apps.logs.models import Log
from apps.logs.selectors import epoch
from apps.logs.services import remove_logs
from consumers import protocol
from tests.cast import Cast
from tests.consumers.sockets import Browser
from tests.consumers.writing import write_logs
from tests.posting import in_db


async def test_who_resumes_gets_exactly_what_was_missed(browser: Browser, destination: Destination) -> None:
    await in_db(write_logs, destination, 5)
    socket = await browser.open(query="after=2")
    hello = await socket.frame()
    assert (hello["cursor"], "reset" in hello) == (2, False)
    assert await socket.cursors(up_to=5) == [3, 4, 5]


async def test_without_after_a_socket_begins_from_now(browser: Browser, destination: Destination) -> None:
    await in_db(write_logs, destination, 5)
    socket = await browser.watch()
    await in_db(write_logs, destination)
    assert await socket.cursors(up_to=6) == [6]


async def test_who_is_at_the_newest_is_not_reset_and_misses_nothing(browser: Browser, destination: Destination) -> None:
    await in_db(write_logs, destination, 5)
    socket = await browser.open(query="after=5")
    assert "reset" not in await socket.frame()
    await in_db(write_logs, destination)
    assert await socket.cursors(up_to=6) == [6]


async def test_who_reconnects_after_each_entry_sees_each_once(browser: Browser, destination: Destination) -> None:
    seen: list[int] = []
    cursor = 0
    for _ in range(6):
        await in_db(write_logs, destination, 2)
        socket = await browser.watch(query=f"after={cursor}")
        frame = await socket.frame()
        seen += [entry["cursor"] for entry in frame["entries"]]
        cursor = frame["cursor"]
        await in_db(write_logs, destination)  # may reach the old socket or not; the new one brings it
        await socket.leave()
    assert seen == list(range(1, 18))


@pytest.mark.parametrize("after", [6, 7, 10**17])
async def test_a_cursor_beyond_the_newest_is_reset(browser: Browser, destination: Destination, after: int) -> None:
    await in_db(write_logs, destination, 5)
    socket = await browser.open(query=f"after={after}")
    hello = await socket.frame()
    assert (hello["cursor"], hello["reset"]) == (5, True)
    await in_db(write_logs, destination)
    assert await socket.cursors(up_to=6) == [6]


async def test_a_cursor_of_another_epoch_is_reset(browser: Browser, destination: Destination) -> None:
    await in_db(write_logs, destination, 5)
    hello = await (await browser.open(query="after=3&epoch=00000009-1")).frame()
    assert (hello["cursor"], hello["reset"]) == (5, True)


async def test_a_cursor_of_this_epoch_is_not(browser: Browser, destination: Destination) -> None:
    await in_db(write_logs, destination, 5)
    socket = await browser.open(query=f"after=3&epoch={await in_db(epoch)}")
    hello = await socket.frame()
    assert (hello["cursor"], hello["newest"], "reset" in hello) == (3, 5, False)
    assert await socket.cursors(up_to=5) == [4, 5]


def purge_up_to(cursor: int) -> None:
    old = Log.objects.filter(cursor__lte=cursor)
    with transaction.atomic():
        remove_logs(logs=list(old.values_list("pk", "account_id", "cursor")))


@pytest.mark.parametrize(("after", "reset"), [(1, True), (2, True), (3, False)])
async def test_a_cursor_older_than_the_oldest_is_reset(
    browser: Browser, destination: Destination, after: int, reset: bool
) -> None:
    await in_db(write_logs, destination, 5)
    await in_db(purge_up_to, 3)
    hello = await (await browser.open(query=f"after={after}")).frame()
    assert (hello["oldest"], hello["cursor"], hello.get("reset", False)) == (4, 5 if reset else 3, reset)


async def test_where_all_logs_are_purged_an_old_cursor_is_reset(browser: Browser, destination: Destination) -> None:
    await in_db(write_logs, destination, 5)
    await in_db(purge_up_to, 5)
    hello = await (await browser.open(query="after=2")).frame()
    assert (hello["oldest"], hello["cursor"], hello.get("reset", False)) == (6, 5, True)


@pytest.mark.parametrize(("after", "reset"), [(0, True), (1, False)])
async def test_who_is_too_far_behind_is_reset(
    browser: Browser, destination: Destination, monkeypatch: pytest.MonkeyPatch, after: int, reset: bool
) -> None:
    assert protocol.BEHIND_MAX == 5000
    monkeypatch.setattr(protocol, "BEHIND_MAX", 6)
    await in_db(write_logs, destination, 7)
    hello = await (await browser.open(query=f"after={after}")).frame()
    assert (hello["cursor"], hello.get("reset", False)) == (7 if reset else 1, reset)


async def test_the_cursor_passes_what_the_status_filter_hides(browser: Browser, destination: Destination) -> None:
    for status in ("success", "failed", "success"):
        await in_db(write_logs, destination, status=status)
    socket = await browser.watch(query="after=0&status=failed")
    assert [entry["status"] for entry in await socket.entries(up_to=3)] == ["failed"]
    await in_db(write_logs, destination, 2)
    assert await socket.entries(up_to=5) == []


async def test_one_destination_can_be_watched(cast: Cast, browser: Browser, destination: Destination) -> None:
    other = await in_db(cast.destination, "http://127.0.0.1:2/other")
    for target in (other, destination, other):
        await in_db(write_logs, target)
    socket = await browser.watch(query=f"after=0&destination_id={other.pk}")
    assert await socket.cursors(up_to=3) == [1, 3]


async def test_filters_add_up_and_resume(cast: Cast, browser: Browser, destination: Destination) -> None:
    other = await in_db(cast.destination, "http://127.0.0.1:2/other")
    for target, status in ((destination, "failed"), (other, "failed"), (other, "success"), (other, "failed")):
        await in_db(write_logs, target, status=status)
    socket = await browser.watch(query=f"after=2&status=failed&destination_id={str(other.pk).upper()}")
    assert await socket.cursors(up_to=4) == [4]
