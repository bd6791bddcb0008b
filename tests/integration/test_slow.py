"""Check 10: of ten destinations of an account three hang and one answers a byte a second; the others do not notice."""

import asyncio
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.fakes.receiver import Received, Receiver, Reply
from tests.integration.figures import Figures
from tests.integration.load import Load, quantile, sending_beside
from tests.integration.product import Embedded, Prepared, Product, Servers
from tests.integration.sender import send_all
from tests.integration.waiting import wait_until

pytestmark = [pytest.mark.integration, pytest.mark.timeout(300)]

FINE = [f"fine-{number}" for number in range(6)]
SLOW = ["hangs-1", "hangs-2", "hangs-3", "drips"]
TIMEOUT_S = 15
LIMITED = "SELECT count(*) FROM destinations_gate WHERE slow_at IS NOT NULL OR breaker <> 'closed'"

KINDS = [
    pytest.param(Embedded, marks=pytest.mark.embedded, id="embedded"),
    pytest.param(Servers, marks=pytest.mark.postgres, id="servers"),
]


def answer(request: Received) -> Reply:
    if "hangs" in request.target:
        return Reply(delay_s=60)
    return Reply(drip_s=60) if "drips" in request.target else Reply()


def impatient(product: Product) -> Product:
    """What hangs at its stop is not waited for."""
    product.environment["TEST_WORKER_STOP_S"] = "1"
    return product


def arrivals(receiver: Receiver) -> int:
    return sum("hook/fine" in request.target for request in receiver.got)


def starts(load: Load, receiver: Receiver) -> list[float]:
    """From each event's acknowledgement to its arrival at each of the fine destinations."""
    by_target = [[request for request in receiver.got if request.target.endswith(name)] for name in FINE]
    return [start for got in by_target for start in load.starts(got)]


def send(product: Product, prepared: Prepared, receiver: Receiver, prefix: str, rate: int, seconds: float) -> Load:
    """Until each has arrived at each of the fine ones."""
    with sending_beside(product.url, prepared.token, prefix, rate, seconds) as sending:
        load = sending.result()
    wait_until(lambda: len(starts(load, receiver)) == len(FINE) * len(load.acknowledged), 60)
    return load


@pytest.mark.parametrize("kind", KINDS)
def test_what_hangs_does_not_keep_the_others(tmp_path: Path, kind: type[Product], full: bool, figures: Figures) -> None:
    rate, seconds = (40, 40) if full else (20, 8)
    with Receiver(answer) as receiver, impatient(kind(tmp_path)) as product:
        prepared = product.prepare(*[f"{receiver.url}/{name}" for name in FINE + SLOW], timeout_s=TIMEOUT_S)
        load = send(product, prepared, receiver, "event", rate, seconds)
        wait_until(lambda: product.sql(LIMITED)[0][0] == len(SLOW), 60)
        took, tried = starts(load, receiver), len(receiver.got) - arrivals(receiver)
    figures.at_most("p99 from acknowledgement to arrival, s", quantile(took, 0.99), 1.0)
    figures.show("tries of the slow ones", tried)
    assert len(took) == len(FINE) * len(load.acknowledged) >= 0.8 * len(FINE) * rate * seconds
    assert tried < len(SLOW) * len(load.acknowledged)


def full_speed(product: Product, prepared: Prepared, prefix: str, events: int, arrived: Callable[[], int]) -> float:
    """Arrivals a second at the fine ones, from the first post on, when everything goes as fast as it can."""
    before, began = arrived(), time.monotonic()
    asyncio.run(send_all(product.url, prepared.token, [f"{prefix}-{number}" for number in range(events)], at_once=64))
    wait_until(lambda: arrived() - before >= events * len(FINE), 120)
    return events * len(FINE) / (time.monotonic() - began)


@pytest.mark.parametrize("kind", KINDS)
def test_beside_what_hangs_as_much_goes_through(tmp_path: Path, kind: type[Product], full: bool, figures: Figures) -> None:
    events = 1500 if full else 100
    with Receiver() as receiver, impatient(kind(tmp_path)) as product:
        prepared = product.prepare(*[f"{receiver.url}/{name}" for name in FINE + SLOW], timeout_s=TIMEOUT_S)
        healthy = full_speed(product, prepared, "healthy", events, lambda: arrivals(receiver))
        wait_until(lambda: len(receiver.got) == events * len(FINE + SLOW), 120)
        receiver.answer = answer
        hanging = full_speed(product, prepared, "hanging", events, lambda: arrivals(receiver))
    figures.show("arrivals a second when all are healthy", healthy)
    figures.at_most("less of them beside what hangs, part", 1 - hanging / healthy, 0.2)
    assert len({(request.target, request.body) for request in receiver.got if "hook/fine" in request.target}) == 12 * events
