"""Only so many large bodies are read at once; whoever ends, or stalls, makes room."""

import asyncio
from dataclasses import dataclass, field

import pytest

from apps.deliveries import bodies
from apps.deliveries.bodies import Doorway


@dataclass
class Channel:
    told: list[str] = field(default_factory=list)

    def pauseProducing(self) -> None:  # noqa: N802  (Twisted's names)
        self.told.append("pause")

    def resumeProducing(self) -> None:  # noqa: N802
        self.told.append("resume")


@dataclass(eq=False)
class Request:
    channel: Channel | None = field(default_factory=Channel)

    @property
    def told(self) -> list[str]:
        return self.channel.told if self.channel else []


async def test_the_fifth_waits_until_one_has_ended() -> None:
    doorway, requests = Doorway(), [Request() for _ in range(6)]
    for each in requests:
        doorway.enter(each)
    assert [each.told for each in requests] == [[], [], [], [], ["pause"], ["pause"]]
    requests[4].channel = None  # its sender has gone
    doorway.leave(requests[4])
    doorway.leave(requests[0])
    assert requests[5].told == ["pause", "resume"]


async def test_one_that_stalls_gives_its_place_away(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bodies, "_STALLED_S", 0.01)
    doorway, requests = Doorway(), [Request() for _ in range(5)]
    for each in requests:
        doorway.enter(each)
    await asyncio.sleep(0.1)
    assert requests[4].told == ["pause", "resume"]
