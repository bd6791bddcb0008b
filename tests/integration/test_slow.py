"""Check 10: of ten destinations of an account three hang and one answers a byte a second; the others do not notice."""

import asyncio
from pathlib import Path

import pytest

from tests.fakes.receiver import Received, Receiver, Reply
from tests.integration.figures import Figures
from tests.integration.load import Load, quantile, sending_beside
from tests.integration.product import Embedded, Product, Servers

pytestmark = [pytest.mark.integration, pytest.mark.timeout(300)]

FINE = [f"fine-{number}" for number in range(6)]
SLOW = ["hangs-1", "hangs-2", "hangs-3", "drips"]
LIMITED = "SELECT count(*) FROM destinations_gate WHERE slow_at IS NOT NULL OR breaker <> 'closed'"

KINDS = [
    pytest.param(Embedded, marks=pytest.mark.embedded, id="embedded"),
    pytest.param(Servers, marks=pytest.mark.postgres, id="servers"),
]


def answer(request: Received) -> Reply:
    if "hangs" in request.target:
        return Reply(delay_s=60)
    return Reply(drip_s=60) if "drips" in request.target else Reply()


async def send(product: Product, token: str, rate: int, seconds: float) -> Load:
    with sending_beside(product.url, token, "event", rate, seconds) as sending:
        load = await asyncio.wrap_future(sending)
    await asyncio.sleep(2)
    return load


def starts(load: Load, receiver: Receiver) -> list[float]:
    """From each event's acknowledgement to its arrival at each of the fine destinations."""
    by_target = [[request for request in receiver.got if request.target.endswith(name)] for name in FINE]
    return [start for got in by_target for start in load.starts(got)]


@pytest.mark.parametrize("kind", KINDS)
def test_what_hangs_does_not_keep_the_others(tmp_path: Path, kind: type[Product], full: bool, figures: Figures) -> None:
    rate, seconds, timeout_s = (40, 40, 15) if full else (20, 8, 15)
    with Receiver(answer) as receiver:
        product = kind(tmp_path)
        product.environment["TEST_WORKER_STOP_S"] = "1"  # what hangs then is not waited for
        with product:
            prepared = product.prepare(*[f"{receiver.url}/{name}" for name in FINE + SLOW], timeout_s=timeout_s)
            load = asyncio.run(send(product, prepared.token, rate, seconds))
            limited = product.sql(LIMITED)[0][0]
        took, tried = starts(load, receiver), sum("hook/fine" not in request.target for request in receiver.got)
    figures.at_most("p99 from acknowledgement to arrival, s", quantile(took, 0.99), 1.0)
    figures.show("tries of the slow ones", tried)
    assert len(took) == len(FINE) * len(load.acknowledged) >= 0.8 * len(FINE) * rate * seconds
    assert limited == len(SLOW)
    assert tried < len(SLOW) * len(load.acknowledged)
