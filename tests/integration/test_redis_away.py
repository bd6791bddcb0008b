"""Check 3: Redis is killed, emptied and frozen under load. Nobody who posts or receives notices."""

import asyncio
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.fakes.receiver import Receiver
from tests.integration.figures import Figures
from tests.integration.load import Load, quantile, send_evenly
from tests.integration.product import Servers
from tests.integration.waiting import OPEN, wait_until

pytestmark = [pytest.mark.integration, pytest.mark.postgres, pytest.mark.timeout(600)]


def killed(product: Servers, stop: threading.Event) -> None:
    """Every 3 s; it comes back empty."""
    while not stop.wait(3):
        product.kill("valkey")


def emptied(product: Servers, stop: threading.Event) -> None:
    while not stop.wait(2):
        product.valkey.empty()


def frozen(product: Servers, stop: threading.Event) -> None:
    product.valkey.freeze()
    stop.wait(20)
    product.valkey.thaw()


def under_load(product: Servers, receiver: Receiver, prefix: str, rate: int, seconds: float) -> Load:
    prepared = product.prepare(receiver.url, timeout_s=15)  # a machine that stands still for a second opens no breaker
    load = asyncio.run(send_evenly(product.url, prepared.token, prefix, rate, seconds))
    wait_until(lambda: product.sql(OPEN)[0][0] == 0)
    return load


@pytest.mark.parametrize("fault", [killed, emptied, frozen])
def test_nobody_notices_that_redis_is_away(
    tmp_path: Path, fault: Callable[[Servers, threading.Event], None], full: bool, figures: Figures
) -> None:
    rate, seconds = (200, 30) if full else (50, 5)
    with Receiver() as receiver, Servers(tmp_path) as product:
        quiet = under_load(product, receiver, "quiet", rate, seconds / 3)
        stop = threading.Event()
        faulty = threading.Thread(target=fault, args=(product, stop))
        faulty.start()
        load = under_load(product, receiver, "load", rate, seconds)
        stop.set()
        faulty.join()
        lost = load.acknowledged.keys() | quiet.acknowledged.keys()
        lost -= {request.body.split(b'"')[3].decode() for request in receiver.got}
        assert [name for name, process in product.processes.items() if process.poll() is not None] == []
    figures.show("answers", dict(load.answers))
    figures.show("lost", len(lost))
    figures.at_most("answer p99 beyond the quiet one, s", load.p99() - quiet.p99(), 0.15)
    figures.at_most("start p99, s", quantile(load.starts(receiver.got), 0.99), 1.5)
    assert set(load.answers) == {202}
    assert not lost
