"""Whose request does not come is cut off in time; who has kept us waiting longest makes room."""

import asyncio
import resource
from functools import partial

import pytest
from django.conf import LazySettings

from apps.common.connections import Connections, most


class Room:
    """Connections by name, and those that were cut off."""

    def __init__(self, at_most: int = 3) -> None:
        self.connections, self.cut = Connections(at_most), list[str]()

    def opens(self, *names: str) -> None:
        for name in names:
            self.connections.opened(name, partial(self.cut.append, name))


async def test_who_has_waited_longest_makes_room() -> None:
    room = Room()
    room.opens("a", "b", "c", "d", "e")
    assert (room.cut, len(room.connections)) == (["a", "b"], 3)


async def test_whose_head_is_there_stays_and_the_newest_goes_when_all_are_busy() -> None:
    room = Room()
    room.opens("a", "b", "c")
    for name in ("a", "b", "c"):
        room.connections.came(name)
    room.opens("d")
    assert room.cut == ["d"]


async def test_who_has_gone_takes_no_room() -> None:
    room = Room()
    room.opens("a", "b", "c")
    room.connections.closed("b")
    room.opens("d")
    assert (room.cut, len(room.connections)) == ([], 3)


async def test_whose_head_or_body_does_not_come_is_cut_off(settings: LazySettings) -> None:
    settings.REQUEST_HEAD_S, settings.REQUEST_BODY_S = 0.05, 0.1
    room = Room(9)
    room.opens("silent", "half a body", "whole", "gone")
    for name in ("half a body", "whole", "gone"):
        room.connections.came(name)
    room.connections.awaits_body("half a body")
    room.connections.closed("gone")
    room.connections.awaits_head("gone")  # too late: nobody is there
    await asyncio.sleep(0.3)
    assert room.cut == ["silent", "half a body"]


async def test_a_time_that_runs_is_not_made_longer(settings: LazySettings) -> None:
    settings.REQUEST_HEAD_S = 0.1
    room = Room()
    room.opens("a")
    for _ in range(6):
        await asyncio.sleep(0.05)
        room.connections.awaits_head("a")
    assert room.cut == ["a"]


@pytest.mark.parametrize(
    ("limits", "wanted", "room"),
    [
        ((1024, 4096), 10_000, 3096),
        ((1024, resource.RLIM_INFINITY), 10_000, 10_000),
        ((1024, 1_000_000), 10_000, 10_000),
        ((65_536, 65_536), 10_000, 10_000),
        ((256, 1024), 10_000, 512),
        ((1024, 1_000_000), 50, 50),
    ],
)
def test_there_is_room_for_as_many_as_there_are_file_handles(
    monkeypatch: pytest.MonkeyPatch, settings: LazySettings, limits: tuple[int, int], wanted: int, room: int
) -> None:
    settings.CONNECTIONS_MAX = wanted
    monkeypatch.setattr(resource, "getrlimit", lambda _: limits)
    monkeypatch.setattr(resource, "setrlimit", lambda *_: None)
    assert most() == room
