"""Check 1: processes are killed while deliveries go out. None is lost, few come twice, each keeps its webhook-id."""

import asyncio
import os
import random
import signal
import threading
import time
from functools import partial
from pathlib import Path

import pytest

from tests.fakes.receiver import Received, Receiver, Reply
from tests.integration.figures import Figures
from tests.integration.product import Embedded, Prepared, Product, Servers
from tests.integration.sender import send_all
from tests.integration.waiting import OPEN, wait_until

pytestmark = [pytest.mark.integration, pytest.mark.timeout(900)]

IN_FLIGHT = "SELECT count(*) FROM deliveries_delivery WHERE status = 'delivering'"
BY_STATUS = "SELECT status, count(*) FROM deliveries_delivery GROUP BY status"
CURSORS = "SELECT count(*), count(DISTINCT cursor), min(cursor), max(cursor) FROM logs_log"


def deliver(product: Product, receiver: Receiver, victims: list[str], events: int) -> int:
    """Sends the events to two destinations and kills the victims meanwhile. Returns what was in flight at kills."""
    prepared = product.prepare(f"{receiver.url}/a", f"{receiver.url}/b", timeout_s=5)  # slowness of the machine is no fault
    sending = post_all(product, prepared, [f"event-{n}" for n in range(events)])
    in_flight = 0
    for number, victim in enumerate(victims, 1):
        wait_until(partial(arrived, receiver, number * 2 * events // (len(victims) + 1)))
        if victim not in {"web", "postgres", "valkey"}:
            product.end(victim, signal.SIGKILL)
            in_flight += product.sql(IN_FLIGHT)[0][0]
        product.kill(victim)
    sending.join()
    wait_until(lambda: product.sql(OPEN)[0][0] == 0)
    return in_flight


def post_all(product: Product, prepared: Prepared, event_ids: list[str]) -> threading.Thread:
    """In a thread of its own, until each is known to be stored."""
    sending = threading.Thread(target=lambda: asyncio.run(send_all(product.url, prepared.token, event_ids)))
    sending.start()
    return sending


def arrived(receiver: Receiver, number: int) -> bool:
    return len(receiver.got) >= number


def assert_nothing_lost(product: Product, receiver: Receiver, events: int, in_flight: int, figures: Figures) -> None:
    ids = receiver.ids()
    pairs = {(request.target, request.body) for request in receiver.got}
    again = len(ids) - len(set(ids))
    for name, value in (("deliveries", len(set(ids))), ("again", again), ("in flight at the kills", in_flight)):
        figures.show(name, value)
    assert len(set(ids)) == len(pairs) == 2 * events
    assert again <= in_flight
    assert product.sql(BY_STATUS) == [("success", 2 * events)]
    count, distinct, first, last = product.sql(CURSORS)[0]
    assert (distinct, first, last) == (count, 1, count)


def slowly(_: Received) -> Reply:
    return Reply(delay_s=random.uniform(0.005, 0.05))


@pytest.mark.embedded
def test_the_one_process_is_killed(tmp_path: Path, full: bool, figures: Figures) -> None:
    events, kills = (2500, 20) if full else (400, 3)
    with Receiver(slowly) as receiver, Embedded(tmp_path) as product:
        in_flight = deliver(product, receiver, ["serve"] * kills, events)
        assert_nothing_lost(product, receiver, events, in_flight, figures)


@pytest.mark.postgres
def test_a_random_worker_is_killed(tmp_path: Path, full: bool, figures: Figures) -> None:
    events, kills = (10_000, 50) if full else (400, 3)
    with Receiver(slowly) as receiver, Servers(tmp_path) as product:
        in_flight = deliver(product, receiver, random.choices(["worker-1", "worker-2"], k=kills), events)
        assert_nothing_lost(product, receiver, events, in_flight, figures)


@pytest.mark.postgres
def test_web_database_and_redis_are_killed_too(tmp_path: Path, full: bool, figures: Figures) -> None:
    rounds, events = (4, 4000) if full else (1, 500)
    with Receiver(slowly) as receiver, Servers(tmp_path) as product:
        in_flight = deliver(product, receiver, ["web", "postgres", "valkey", "worker-1", "postgres"] * rounds, events)
        assert_nothing_lost(product, receiver, events, in_flight, figures)


KINDS = [
    pytest.param(Embedded, marks=pytest.mark.embedded, id="embedded"),
    pytest.param(Servers, marks=[pytest.mark.postgres, pytest.mark.chaos], id="servers"),
]


@pytest.mark.parametrize("kind", KINDS)
def test_a_delivery_that_kills_its_worker_is_quarantined_alone(tmp_path: Path, kind: type[Product], figures: Figures) -> None:
    """400 deliveries of another account are in the air with it; they all arrive."""
    with kind(tmp_path) as product, Receiver() as receiver:
        deaths: list[str] = []

        def deadly(request: Received) -> Reply:
            if b"deadly" in request.body:
                deaths.append(product.holder_of(request.port))
                os.kill(product.processes[deaths[-1]].pid, signal.SIGKILL)
            return Reply(delay_s=0.8 if len(deaths) < 2 else 0.005)

        receiver.answer = deadly
        innocent, guilty = product.prepare(receiver.url), product.prepare(receiver.url)
        post_all(product, innocent, [f"event-{n}" for n in range(400)])
        post_all(product, guilty, ["deadly"])
        restart_the_dead(product, until=401)
        figures.show("processes killed by the one", len(deaths))
        assert sorted(product.sql(BY_STATUS)) == [("failed", 1), ("success", 400)]
        assert product.sql("SELECT reason FROM deliveries_delivery WHERE status = 'failed'") == [("quarantined",)]
        assert len(deaths) == 5


def restart_the_dead(product: Product, until: int) -> None:
    """Until there are so many deliveries, and none of them is open."""
    while sum(count for _, count in product.sql(BY_STATUS)) < until or product.sql(OPEN)[0][0]:
        for name in [name for name, process in product.processes.items() if process.poll() is not None]:
            product.start(name)
        time.sleep(0.05)
