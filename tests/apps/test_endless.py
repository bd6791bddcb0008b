"""What runs for the life of a process: no error of ours ends it."""

import asyncio

import pytest
from django.utils import timezone

from apps.common.ids import uuid7
from apps.deliveries import worker
from apps.deliveries.engine import Engine
from apps.deliveries.models import Delivery
from apps.deliveries.request import Claim
from apps.deliveries.sender import Sender
from consumers import hub
from tests.cast import Cast
from tests.fakes.receiver import Receiver
from tests.posting import in_db, post, until


class Layer:
    """A channel layer that gives a message, then fails in a way that nobody thought of, and so on."""

    def __init__(self) -> None:
        self.asked = 0

    async def receive(self, channel: str) -> dict[str, str]:
        self.asked += 1
        if self.asked % 2:
            raise TypeError("not a message")
        await asyncio.sleep(0.01)
        return {"type": "deliveries.ring"}


async def test_the_doorbell_is_heard_again_after_any_error(monkeypatch: pytest.MonkeyPatch) -> None:
    layer, heard = Layer(), asyncio.Event()

    async def application(scope: object, receive: object, send: object) -> None:
        heard.set()

    monkeypatch.setattr(worker, "get_channel_layer", lambda: layer)
    monkeypatch.setattr(worker, "_RECONNECT_S", 0.01)
    listening = asyncio.create_task(worker.listen(application, "deliveries"))
    async with asyncio.timeout(5):
        await heard.wait()
    assert not listening.done()
    listening.cancel()


class Broken:
    """A watcher that nothing can be told."""

    viewer = hub.Viewer(uuid7(), uuid7())
    cursor = 0
    asked = 0

    def may_stay(self, view: hub.View) -> bool:
        self.asked += 1
        raise ZeroDivisionError

    async def looked(self, view: hub.View, *, was_at: int) -> None:
        raise ZeroDivisionError

    def end(self, why: str) -> None:
        raise ZeroDivisionError


async def test_the_hub_looks_again_after_any_error(store: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hub, "_LOOK_EVERY_S", 0.01)
    running, watcher = hub.Hub(), Broken()
    running.join(watcher)
    await until(lambda: watcher.asked > 2)
    running.leave(watcher)
    assert watcher.asked > 2


async def test_the_engine_goes_on_when_a_try_cannot_even_be_begun(
    cast: Cast, receiver: Receiver, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    begin, failed = Engine._start_try, asyncio.Event()

    def fail_once(self: Engine, claim: Claim, sender: Sender) -> None:
        if not failed.is_set():
            failed.set()
            raise ZeroDivisionError
        begin(self, claim, sender)

    monkeypatch.setattr(Engine, "_start_try", fail_once)
    await in_db(cast.destination, receiver.url)
    await post(cast.token, "e1", b"{}")
    engine.wake()
    await until(failed.is_set)
    await in_db(Delivery.objects.update, lease_until=timezone.now())
    await until(lambda: receiver.got)
