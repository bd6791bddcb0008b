"""A broadcast is a hint: it may be lost, doubled or late, and each entry still comes once, in order."""

import asyncio
from collections.abc import Callable
from uuid import UUID

import pytest

from apps.destinations.models import Destination
from apps.logs.broadcast import publish
from apps.logs.selectors import Entry
from consumers import hub
from consumers.hub import View, Viewer, look
from tests.cast import Cast, make_destination
from tests.consumers.sockets import Browser
from tests.consumers.writing import write_logs
from tests.posting import in_db, until


async def test_a_lost_broadcast_is_found_by_the_hubs_look(browser: Browser, destination: Destination) -> None:
    socket = await browser.watch()
    await in_db(write_logs, destination, 3)
    assert await socket.cursors(up_to=3) == [1, 2, 3]


@pytest.mark.usefixtures("no_looks")
async def test_a_broadcast_reaches_everybody_who_watches(cast: Cast, browser: Browser, destination: Destination) -> None:
    sockets = [await browser.watch(user) for user in (cast.alice, cast.alice, cast.bob)]
    entries = await in_db(write_logs, destination, 2)
    await publish({cast.account.pk: entries})
    assert [await socket.cursors(up_to=2) for socket in sockets] == [[1, 2]] * 3


class Noted(dict[UUID, list[Entry]]):
    """Whose entries were asked for."""

    def __init__(self, *accounts: UUID) -> None:
        super().__init__({account_id: [] for account_id in accounts})
        self.asked: list[UUID] = []

    def __getitem__(self, account_id: UUID) -> list[Entry]:
        self.asked.append(account_id)
        return super().__getitem__(account_id)


async def test_what_nobody_watches_is_not_even_made(cast: Cast, browser: Browser) -> None:
    await browser.watch()
    entries = Noted(cast.other.pk, cast.account.pk)
    await publish(entries)
    assert entries.asked == [cast.account.pk]


def swapped(parts: list[list[Entry]]) -> list[list[Entry]]:
    return [parts[1], parts[0], *parts[2:]]


def doubled(parts: list[list[Entry]]) -> list[list[Entry]]:
    return [part for part in parts for _ in range(2)]


def holed(parts: list[list[Entry]]) -> list[list[Entry]]:
    return [parts[0], *parts[2:]]


def overlapping(parts: list[list[Entry]]) -> list[list[Entry]]:
    return [*parts[:3], parts[2] + parts[3]]


@pytest.mark.usefixtures("no_looks")
@pytest.mark.parametrize("disturb", [swapped, doubled, holed, overlapping])
async def test_disturbed_broadcasts_bring_each_entry_once_in_order(
    cast: Cast, browser: Browser, destination: Destination, disturb: Callable[[list[list[Entry]]], list[list[Entry]]]
) -> None:
    socket = await browser.watch()
    parts = [await in_db(write_logs, destination, 2) for _ in range(4)]
    for part in disturb(parts):
        await publish({cast.account.pk: part})
    assert await socket.cursors(up_to=8) == list(range(1, 9))


@pytest.mark.usefixtures("no_looks")
async def test_a_large_batch_is_broadcast_in_parts_that_fit_together(
    cast: Cast, browser: Browser, destination: Destination
) -> None:
    socket = await browser.watch()
    await publish({cast.account.pk: await in_db(write_logs, destination, 250)})
    assert await socket.cursors(up_to=250) == list(range(1, 251))


@pytest.mark.usefixtures("no_looks")
async def test_the_filter_holds_for_broadcasts_too(cast: Cast, browser: Browser, destination: Destination) -> None:
    socket = await browser.watch(query="status=failed")
    hidden, shown = await in_db(write_logs, destination), await in_db(write_logs, destination, status="failed")
    await publish({cast.account.pk: [*hidden, *shown]})
    assert await socket.cursors(up_to=2) == [2]


@pytest.mark.usefixtures("no_looks")
async def test_a_broadcast_of_another_account_does_not_arrive(cast: Cast, browser: Browser, destination: Destination) -> None:
    theirs = await in_db(own_destination, cast)
    socket = await browser.watch()
    await publish({cast.other.pk: await in_db(write_logs, theirs, 3)})
    await publish({cast.account.pk: await in_db(write_logs, destination)})
    assert [entry["account_id"] for entry in await socket.entries(up_to=1)] == [str(cast.account.pk)]


async def test_the_entries_of_two_accounts_never_mix(cast: Cast, browser: Browser, destination: Destination) -> None:
    theirs = await in_db(own_destination, cast)
    alice, charlie = await browser.watch(query="after=0"), await browser.watch(cast.charlie, cast.other.pk, "after=0")
    for _ in range(3):
        written: dict[UUID, list[Entry]] = {
            cast.account.pk: await in_db(write_logs, destination),
            cast.other.pk: await in_db(write_logs, theirs, 2),
        }
        await publish(written)
    assert {entry["account_id"] for entry in await alice.entries(up_to=3)} == {str(cast.account.pk)}
    assert {entry["account_id"] for entry in await charlie.entries(up_to=6)} == {str(cast.other.pk)}


def own_destination(cast: Cast) -> Destination:
    return make_destination(cast.other.members.get(), "http://127.0.0.1:2/theirs")


async def test_a_look_that_a_broadcast_overtook_ends_no_socket(
    cast: Cast, browser: Browser, destination: Destination, monkeypatch: pytest.MonkeyPatch
) -> None:
    socket, loop = await browser.watch(), asyncio.get_running_loop()
    seen: list[int] = []

    async def overtake() -> None:
        entries = await in_db(write_logs, destination)
        await publish({cast.account.pk: entries})
        seen.extend(await socket.cursors(up_to=entries[-1].cursor))

    def slow_look(viewers: set[Viewer]) -> dict[Viewer, View]:
        views = look(viewers)
        if len(seen) < 3:
            asyncio.run_coroutine_threadsafe(overtake(), loop).result(30)
        return views

    monkeypatch.setattr(hub, "look", slow_look)
    await until(lambda: seen == [1, 2, 3])
