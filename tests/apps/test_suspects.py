"""Deliveries that cost two leases are tried alone, and nobody waits long for their turn."""

import asyncio
import time
from threading import Event

import pytest
from django.conf import LazySettings

from apps.accounts.models import Member
from apps.deliveries import engine as engines
from apps.deliveries.engine import Engine
from apps.deliveries.holding import bring_back
from apps.deliveries.models import Delivery
from apps.destinations.services import pause, resume
from tests.cast import Cast, make_destination
from tests.fakes.receiver import Receiver, Reply
from tests.posting import in_db, post, until


async def make_suspects(cast: Cast, url: str, number: int) -> None:
    destination = await in_db(cast.destination, url)
    await in_db(pause, destination=destination, by=await in_db(lambda: cast.admin))
    for each in range(number):
        await post(cast.token, f"suspect-{each}", b"{}")
    await in_db(Delivery.objects.filter(destination=destination).update, lost_leases=2)
    await in_db(resume, destination=destination, by=await in_db(lambda: cast.admin))
    await in_db(bring_back)


async def charlies(cast: Cast, url: str) -> None:
    await in_db(make_destination, await in_db(lambda: Member.objects.get(account=cast.other)), url)


def targets(receiver: Receiver) -> list[str]:
    return [request.target.rpartition("/")[2] for request in receiver.got]


async def test_suspects_do_not_keep_the_others_waiting(cast: Cast, receiver: Receiver, engine: Engine) -> None:
    go_on = Event()
    receiver.answer = lambda request: Reply(delay_s=0.4, after=go_on) if request.target == "/hook/suspect" else Reply()
    await charlies(cast, f"{receiver.url}/plain")
    await make_suspects(cast, f"{receiver.url}/suspect", 5)
    await until(lambda: receiver.got)
    await post(cast.other_token, "plain", b"{}")
    go_on.set()
    await until(lambda: Delivery.objects.filter(status="success").count() == 6)
    assert targets(receiver).index("plain") < 5


@pytest.fixture
def often(settings: LazySettings, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.WORKER_POLL_S = 0.2
    monkeypatch.setattr(engines, "_YIELD_S", 2.5)


async def begin(cast: Cast, receiver: Receiver, slow: Reply) -> None:
    """A slow try is in the air, then a suspect is due, then something else."""
    receiver.answer = lambda request: slow if b"slow" in request.body else Reply()
    await charlies(cast, f"{receiver.url}/others")
    await post(cast.other_token, "slow", b'["slow"]')
    await until(lambda: receiver.got)
    await make_suspects(cast, f"{receiver.url}/suspect", 1)
    await asyncio.sleep(0.3)
    await post(cast.other_token, "quick", b"{}")


async def test_while_slow_tries_are_in_the_air_a_suspect_lets_the_others_pass(
    cast: Cast, receiver: Receiver, often: None, engine: Engine
) -> None:
    go_on = Event()
    await begin(cast, receiver, Reply(after=go_on))
    await until(lambda: len(receiver.got) == 2)
    ended = time.monotonic()
    go_on.set()
    await until(lambda: not Delivery.objects.open().exists())
    assert targets(receiver) == ["others", "others", "suspect"]
    assert ended <= receiver.got[2].at


async def test_a_suspect_that_has_yielded_often_enough_has_its_turn_first(
    cast: Cast, receiver: Receiver, often: None, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engines, "_YIELDS", 0)
    await begin(cast, receiver, Reply(delay_s=2.5))
    await until(lambda: not Delivery.objects.open().exists())
    assert targets(receiver) == ["others", "suspect", "others"]
    assert receiver.got[1].at >= receiver.got[0].at + 2.5
