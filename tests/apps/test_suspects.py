"""Deliveries that cost two leases are tried alone, and nobody waits long for their turn."""

import asyncio

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
    receiver.answer = lambda request: Reply(delay_s=0.4 if request.target == "/hook/suspect" else 0)
    await charlies(cast, f"{receiver.url}/plain")
    await make_suspects(cast, f"{receiver.url}/suspect", 5)
    await until(lambda: receiver.got)
    await post(cast.other_token, "plain", b"{}")
    await until(lambda: Delivery.objects.filter(status="success").count() == 6)
    assert targets(receiver).index("plain") < 5


@pytest.fixture
def often(settings: LazySettings, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.WORKER_POLL_S = 0.2
    monkeypatch.setattr(engines, "_YIELD_S", 2.5)


async def begin(cast: Cast, receiver: Receiver) -> None:
    """A slow try is in the air, then a suspect is due, then something else."""
    receiver.answer = lambda request: Reply(delay_s=2.5 if b"slow" in request.body else 0)
    await charlies(cast, f"{receiver.url}/others")
    await post(cast.other_token, "slow", b'["slow"]')
    await until(lambda: receiver.got)
    await make_suspects(cast, f"{receiver.url}/suspect", 1)
    await asyncio.sleep(0.3)
    await post(cast.other_token, "quick", b"{}")
    await until(lambda: not Delivery.objects.open().exists())


async def test_while_slow_tries_are_in_the_air_a_suspect_lets_the_others_pass(
    cast: Cast, receiver: Receiver, often: None, engine: Engine
) -> None:
    await begin(cast, receiver)
    assert targets(receiver) == ["others", "others", "suspect"]
    slow, quick, suspect = (request.at for request in receiver.got)
    assert quick < slow + 2.5 <= suspect


async def test_a_suspect_that_has_yielded_often_enough_has_its_turn_first(
    cast: Cast, receiver: Receiver, often: None, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engines, "_YIELDS", 0)
    await begin(cast, receiver)
    assert targets(receiver) == ["others", "suspect", "others"]
    assert receiver.got[1].at >= receiver.got[0].at + 2.5
