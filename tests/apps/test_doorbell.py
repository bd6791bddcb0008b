"""What a person sets going rings for the worker: after the commit, from a view's thread, and never at the view's cost."""

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from channels.layers import get_channel_layer
from django.core.handlers.asgi import ASGIHandler
from django.db import transaction

from apps.deliveries import doorbell
from apps.deliveries.doorbell import CHANNEL, MESSAGE, ring_after_commit
from apps.destinations.models import Destination
from apps.events.models import Event
from apps.ingest.batch import store as store_posts
from tests.cast import Cast
from tests.events import make_post
from tests.fakes.asgi import call
from tests.posting import in_db
from tests.rest import Rest

AFTERWARDS = {"type": "afterwards"}


@pytest_asyncio.fixture(autouse=True)
async def no_ring_outlives_its_test() -> AsyncIterator[None]:
    yield
    await get_channel_layer().flush()


async def listens() -> None:
    """Over Redis a channel hears only what comes after it has subscribed."""
    layer, number = get_channel_layer(), 0
    first = asyncio.create_task(layer.receive(CHANNEL))
    while not first.done():
        number += 1
        await layer.send(CHANNEL, {"number": number})
        await asyncio.wait([first], timeout=0.1)
    last = first.result()
    while last.get("number", 0) < number:
        last = await layer.receive(CHANNEL)


async def rings(cast: Cast, path: str) -> bool:
    """Whether Alice's post to the path is heard. It rings before it is answered, so what we say afterwards comes later."""
    pair = (await in_db(Rest, cast.alice)).pair
    assert pair is not None
    await listens()
    headers = [("Authorization", f"Bearer {pair.access}"), ("Content-Type", "application/json")]
    answer = await call(ASGIHandler(), "POST", f"/api/v1/{path}", headers, b"{}")
    assert answer.status in {200, 201}, answer.body
    await get_channel_layer().send(CHANNEL, AFTERWARDS)
    heard = [await get_channel_layer().receive(CHANNEL)]
    while heard[-1] != AFTERWARDS:
        heard.append(await get_channel_layer().receive(CHANNEL))
    return MESSAGE in heard


async def test_a_replay_and_a_resume_are_heard_and_a_pause_is_not(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doorbell, "_BUDGET_S", 15)  # a machine that stands still loses no ring
    destination: Destination = await in_db(cast.destination, "https://example.com/hook")
    await in_db(store_posts, [make_post(cast.token, cast.account, "e1", b"{}")])
    event = await in_db(Event.objects.get)
    assert await rings(cast, f"events/{event.pk}/replay/")
    assert not await rings(cast, f"destinations/{destination.pk}/pause/")
    assert await rings(cast, f"destinations/{destination.pk}/resume/")


def test_it_waits_for_the_commit_and_what_fails_costs_the_caller_nothing(store: None, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    class Broken:
        async def send(self, channel: str, message: object) -> None:
            asked.append(channel)
            raise OSError if len(asked) == 1 else RuntimeError

    monkeypatch.setattr("apps.deliveries.doorbell.get_channel_layer", Broken)
    with transaction.atomic():
        ring_after_commit()
        assert not asked
    ring_after_commit()
    assert asked == [CHANNEL, CHANNEL]
