"""Alice's browser, and whoever else watches."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from channels.layers import get_channel_layer

from apps.destinations.models import Destination
from consumers import hub
from tests.cast import Cast
from tests.consumers.sockets import Browser


@pytest.fixture(autouse=True)
def quick_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hub, "_LOOK_EVERY_S", 0.02)


@pytest.fixture
def no_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only broadcasts bring anything."""
    monkeypatch.setattr(hub, "_LOOK_EVERY_S", 3600)


@pytest.fixture
def destination(cast: Cast) -> Destination:
    return cast.destination("http://127.0.0.1:2/hook")


@pytest_asyncio.fixture
async def browser(cast: Cast) -> AsyncIterator[Browser]:
    running = Browser(cast)
    yield running
    await running.close()
    await get_channel_layer().flush()
