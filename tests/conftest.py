"""What many tests share."""

from collections.abc import AsyncIterator, Iterator

import pytest
import pytest_asyncio

from apps.common.lanes import close_lanes
from apps.deliveries.engine import Engine
from tests.cast import Cast, assemble
from tests.fakes.receiver import Receiver


@pytest.fixture(autouse=True)
def no_lane_outlives_its_test() -> Iterator[None]:
    yield
    close_lanes()


@pytest.fixture
def store(transactional_db: None, django_db_serialized_rollback: None) -> None:
    """A database that threads see too, with the rows that the migrations make."""


@pytest.fixture
def cast(store: None) -> Cast:
    return assemble()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as running:
        yield running


@pytest_asyncio.fixture
async def engine(store: None) -> AsyncIterator[Engine]:
    """A running worker on the test's own event loop."""
    running = Engine()
    running.start()
    yield running
    await running.stop()
