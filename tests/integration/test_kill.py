"""Check 1, small: processes are killed while 2,000 deliveries go out. None is lost, few come twice."""

import asyncio
import os
import random
import signal
import threading
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from tests.fakes.receiver import Received, Receiver, Reply
from tests.integration.product import Embedded, Prepared, Product, Servers
from tests.integration.sender import send_all

pytestmark = [pytest.mark.integration, pytest.mark.timeout(300)]

EVENTS = 1000
IN_FLIGHT = "SELECT count(*) FROM deliveries_delivery WHERE status = 'delivering'"
OPEN = "SELECT count(*) FROM deliveries_delivery WHERE status IN ('pending', 'delivering')"
BY_STATUS = "SELECT status, count(*) FROM deliveries_delivery GROUP BY status"
CURSORS = "SELECT count(*), count(DISTINCT cursor), min(cursor), max(cursor) FROM logs_log"


def two_thousand(product: Product, receiver: Receiver, victims: list[str]) -> int:
    """Sends 1,000 events to two destinations and kills the victims meanwhile. Returns what was in flight at kills."""
    prepared = product.prepare(f"{receiver.url}/a", f"{receiver.url}/b")
    sending = post_all(product, prepared, [f"event-{n}" for n in range(EVENTS)])
    in_flight = 0
    for number, victim in enumerate(victims, 1):
        wait_until(partial(arrived, receiver, number * 2 * EVENTS // (len(victims) + 1)))
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


def wait_until(reached: Callable[[], bool], seconds: float = 200) -> None:
    end = time.monotonic() + seconds
    while not reached():
        assert time.monotonic() < end
        time.sleep(0.05)


def assert_nothing_lost(product: Product, receiver: Receiver, in_flight: int) -> None:
    ids = receiver.ids()
    pairs = {(request.target, request.body) for request in receiver.got}
    again = len(ids) - len(set(ids))
    print(f"{len(ids)} requests, {len(set(ids))} deliveries, {again} again, {in_flight} in flight at the kills")
    assert len(set(ids)) == len(pairs) == 2 * EVENTS
    assert again <= in_flight
    assert product.sql(BY_STATUS) == [("success", 2 * EVENTS)]
    count, distinct, first, last = product.sql(CURSORS)[0]
    assert (distinct, first, last) == (count, 1, count)


def slowly(_: Received) -> Reply:
    return Reply(delay_s=random.uniform(0.005, 0.05))


@pytest.mark.embedded
def test_the_one_process_is_killed_five_times(tmp_path: Path) -> None:
    with Receiver(slowly) as receiver, Embedded(tmp_path) as product:
        in_flight = two_thousand(product, receiver, ["serve"] * 5)
        assert_nothing_lost(product, receiver, in_flight)


@pytest.mark.postgres
def test_a_random_worker_is_killed_five_times(tmp_path: Path) -> None:
    with Receiver(slowly) as receiver, Servers(tmp_path) as product:
        in_flight = two_thousand(product, receiver, random.choices(["worker-1", "worker-2"], k=5))
        assert_nothing_lost(product, receiver, in_flight)


@pytest.mark.postgres
def test_web_database_and_redis_are_killed_too(tmp_path: Path) -> None:
    with Receiver(slowly) as receiver, Servers(tmp_path) as product:
        in_flight = two_thousand(product, receiver, ["web", "postgres", "valkey", "worker-1", "postgres"])
        assert_nothing_lost(product, receiver, in_flight)


@pytest.mark.embedded
def test_a_delivery_that_kills_its_worker_is_quarantined_alone(tmp_path: Path) -> None:
    """400 deliveries of another account are in the air with it; they all arrive."""
    with Embedded(tmp_path) as product, Receiver() as receiver:
        deaths: list[int] = []

        def deadly(request: Received) -> Reply:
            if b"deadly" in request.body:
                deaths.append(product.processes["serve"].pid)
                os.kill(deaths[-1], signal.SIGKILL)
            return Reply(delay_s=0.8 if len(deaths) < 2 else 0.005)

        receiver.answer = deadly
        innocent, guilty = product.prepare(receiver.url), product.prepare(receiver.url)
        post_all(product, innocent, [f"event-{n}" for n in range(400)])
        post_all(product, guilty, ["deadly"])
        while sum(count for _, count in product.sql(BY_STATUS)) <= 400 or product.sql(OPEN)[0][0]:
            if product.processes["serve"].poll() is not None:
                product.start("serve")
            time.sleep(0.05)
        assert sorted(product.sql(BY_STATUS)) == [("failed", 1), ("success", 400)]
        assert product.sql("SELECT reason FROM deliveries_delivery WHERE status = 'failed'") == [("quarantined",)]
        assert len(deaths) == 5
