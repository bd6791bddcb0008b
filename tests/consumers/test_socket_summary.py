"""Above `summary_above` entries a second are counted, not sent; the counts can be filled, and nothing is missing or double."""

from typing import Any

import pytest

from apps.destinations.models import Destination
from apps.logs.broadcast import publish
from consumers import meter
from tests.cast import Cast
from tests.consumers.sockets import Browser, Frame, Socket
from tests.consumers.writing import write_logs
from tests.posting import in_db


async def frames(socket: Socket, up_to: int) -> list[Frame]:
    """Until the socket's cursor is there; each begins where the last one ended."""
    found: list[Frame] = []
    while socket.cursor < up_to:
        before = socket.cursor
        found.append(await socket.frame())
        assert found[-1].get("from", found[-1].get("after", before) + 1) == before + 1
    return found


def shown(found: list[Frame]) -> list[int]:
    return [entry["cursor"] for frame in found for entry in frame.get("entries", [])]


def sums(found: list[Frame]) -> list[dict[str, Any]]:
    return [frame for frame in found if frame["type"] == "summary"]


async def test_above_the_rate_the_rest_of_a_second_is_summed_up(cast: Cast, browser: Browser, destination: Destination) -> None:
    socket = await browser.watch(query="summary_above=3")
    await publish({cast.account.pk: await in_db(write_logs, destination, 10)})
    found = await frames(socket, up_to=10)
    assert shown(found) == [1, 2, 3]
    counts = {"by_status": {"success": 7}, "by_destination": {str(destination.pk): 7}}
    assert sums(found) == [{"type": "summary", "from": 4, "to": 10, "cursor": 10} | counts]


async def test_what_the_filter_hides_is_in_the_range_and_not_in_the_counts(
    cast: Cast, browser: Browser, destination: Destination
) -> None:
    socket = await browser.watch(query="summary_above=1&status=failed")
    parts = [await in_db(write_logs, destination, 2, status=status) for status in ("failed", "success", "failed", "success")]
    for part in parts:
        await publish({cast.account.pk: part})
    found = await frames(socket, up_to=8)
    assert shown(found) == [1]
    assert sum(each["by_status"]["failed"] for each in sums(found)) == 3


async def test_below_the_rate_nothing_is_summed_up(cast: Cast, browser: Browser, destination: Destination) -> None:
    socket = await browser.watch(query="summary_above=10")
    await publish({cast.account.pk: await in_db(write_logs, destination, 10)})
    found = await frames(socket, up_to=10)
    assert (shown(found), sums(found)) == (list(range(1, 11)), [])


async def test_what_is_caught_up_when_the_socket_opens_is_never_summed_up(browser: Browser, destination: Destination) -> None:
    await in_db(write_logs, destination, 20)
    found = await frames(await browser.watch(query="after=0&summary_above=1"), up_to=20)
    assert (shown(found), sums(found)) == (list(range(1, 21)), [])


async def test_a_hole_that_the_database_fills_is_summed_up_too(browser: Browser, destination: Destination) -> None:
    socket = await browser.watch(query="summary_above=5")
    await in_db(write_logs, destination, 30)  # nobody is told: the hub finds them
    found = await frames(socket, up_to=30)
    assert shown(found) == [1, 2, 3, 4, 5]
    assert sum(each["by_status"]["success"] for each in sums(found)) == 25


async def test_after_the_second_entries_are_shown_again(
    cast: Cast, browser: Browser, destination: Destination, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(meter, "_WINDOW_S", 0.05)
    socket = await browser.watch(query="summary_above=2")
    for turn in (1, 2, 3):
        await publish({cast.account.pk: await in_db(write_logs, destination, 4)})
        found = await frames(socket, up_to=4 * turn)
        assert shown(found) == [4 * turn - 3, 4 * turn - 2]
