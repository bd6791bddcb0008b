"""Check 30: somebody's dump holds a snapshot open; an export, people at the statistics and a purge come at full load."""

import asyncio
import signal
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest

from tests.fakes.receiver import Receiver
from tests.integration.figures import Figures
from tests.integration.load import Load, quantile, sending_beside
from tests.integration.product import Prepared, Servers
from tests.integration.sender import send_all
from tests.integration.waiting import OPEN, wait_until

pytestmark = [pytest.mark.integration, pytest.mark.postgres, pytest.mark.chaos, pytest.mark.timeout(900)]

# Posts a second: the check's own; where a machine carries less, this part of what it carries.
RATE, PART = 1000, 0.5
NORMAL = 2.0  # times the p99 of before, and 50 ms: what a run differs from the next by
FOUND = "SELECT count(*) FROM accounts_account WHERE id = '{}'"
RUNNING = "SELECT count(*) FROM deliveries_export WHERE state = 'running'"
AGED = "UPDATE accounts_account SET deleted_at = '2020-01-01 00:00:00+00:00' WHERE id = '{}' RETURNING id"
CSRF = "c" * 32


def call(product: Servers, prepared: Prepared, path: str, method: str) -> int:
    """As the Admin's browser."""
    headers = {"Cookie": f"sessionid={prepared.session}; csrftoken={CSRF}", "X-CSRFToken": CSRF, "Origin": product.url}
    url = f"{product.url}/api/v1/accounts/{prepared.account_id}/{path}"
    request = urllib.request.Request(url, method=method, headers=headers)
    with urllib.request.urlopen(request, timeout=30) as answer:
        answer.read()
        return int(answer.status)


def settled(product: Servers) -> bool:
    return bool(product.sql(OPEN)[0][0] == 0)


def full_rate(product: Servers, prepared: Prepared, prefix: str, number: int) -> float:
    """Events a second, from the first post to the last delivery, when everything goes as fast as it can."""
    began = time.monotonic()
    asyncio.run(send_all(product.url, prepared.token, [f"{prefix}-{n}" for n in range(number)], at_once=64))
    wait_until(lambda: settled(product))
    return number / (time.monotonic() - began)


class Evenly:
    """Loads of the same rate, one after the other."""

    def __init__(self, product: Servers, prepared: Prepared, receiver: Receiver, rate: int) -> None:
        self.product, self.prepared, self.receiver, self.rate = product, prepared, receiver, rate
        self.sent = 0

    def send(self, prefix: str, seconds: float) -> tuple[Load, list[float]]:
        """What was answered, and each event's seconds from its answer to its arrival."""
        first = len(self.receiver.got)
        with sending_beside(self.product.url, self.prepared.token, prefix, self.rate, seconds) as sending:
            load = sending.result()
        wait_until(lambda: settled(self.product))
        self.sent += int(self.rate * seconds)
        assert set(load.answers) == {202}
        return load, load.starts(self.receiver.got[first:])


@contextmanager
def snapshot(product: Servers) -> Iterator[None]:
    """As a dump holds it: idle, and open."""
    with psycopg.connect(product.postgres.url) as dump:
        dump.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        dump.execute("SELECT count(*) FROM deliveries_delivery")
        yield
        dump.rollback()


def test_a_snapshot_that_stays_open_slows_nobody(tmp_path: Path, figures: Figures) -> None:
    number, before_s, held_s, after_s = 6000, 10, 60, 50
    with Receiver() as receiver, Servers(tmp_path) as product:
        prepared = product.prepare(receiver.url, timeout_s=15)
        carried = full_rate(product, prepared, "full", number)
        rate = int(min(RATE, carried * PART))
        figures.show("full rate, events/s", carried)
        figures.show("rate", f"{rate}/s = {rate / carried:.2f} of it")
        evenly = Evenly(product, prepared, receiver, rate)
        parts = {"before": evenly.send("before", before_s)}
        with snapshot(product):
            parts["held"] = evenly.send("held", held_s)
        parts["after"] = evenly.send("after", after_s)  # begins within a second of its end, and takes less than a minute
        for name, (load, starts) in parts.items():
            figures.at_most(f"{name}: answer p99, s", load.p99(), 1)
            figures.at_most(f"{name}: start p99, s", quantile(starts, 0.99), 1)
        normal = quantile(parts["before"][1], 0.99) * NORMAL + 0.05
        figures.at_most("start p99 of the last part after it, s", quantile(late_half(parts["after"][1]), 0.99), normal)
        assert len(set(receiver.ids())) == len(receiver.got) == number + evenly.sent


def late_half(values: list[float]) -> list[float]:
    return values[len(values) // 2 :]


@contextmanager
def three_at_work(product: Servers, prepared: Prepared, doomed: Prepared) -> Iterator[list[int]]:
    """An export of the busy account, two people who look at its statistics, and the purge of another account, which the
    chores of a worker do from its start on. Gives what the requests were answered."""
    product.delete(doomed.account_id)
    product.sql(AGED.format(doomed.account_id))
    for name in ("worker-1", "worker-2"):
        product.end(name, signal.SIGTERM)
        product.start(name)
    statuses = [call(product, prepared, "export/", "POST")]
    stop = threading.Event()

    def look() -> None:
        while not stop.wait(0.5):
            statuses.append(call(product, prepared, "stats/", "GET"))

    people = [threading.Thread(target=look) for _ in range(2)]
    for each in people:
        each.start()
    try:
        yield statuses
    finally:
        stop.set()
        for each in people:
            each.join()


def test_an_export_statistics_and_a_purge_cost_little(tmp_path: Path, figures: Figures) -> None:
    number, old = 8000, 8000
    with Receiver() as receiver, Servers(tmp_path) as product:
        prepared, doomed = (product.prepare(receiver.url, timeout_s=15) for _ in range(2))
        full_rate(product, doomed, "old", old)
        alone = [full_rate(product, prepared, f"alone-{turn}", number) for turn in range(2)]
        with three_at_work(product, prepared, doomed) as statuses:
            time.sleep(2)  # until the workers that were started have come up
            beside = full_rate(product, prepared, "beside", number)
            unfinished = [product.sql(RUNNING)[0][0], product.sql(FOUND.format(doomed.account_id))[0][0]]
        wait_until(lambda: product.sql(RUNNING) == [(0,)] and product.sql(FOUND.format(doomed.account_id)) == [(0,)])
        alone.append(full_rate(product, prepared, "afterwards", number))
    figures.show("events/s alone", [round(each) for each in alone])
    figures.show("events/s beside the three", beside)
    figures.show("export, purge still at work at the end", unfinished)
    figures.show("statistics asked for", len(statuses) - 1)
    figures.at_most("cost of the three, part", 1 - beside / (sum(alone) / len(alone)), 0.2)
    assert set(statuses) <= {200, 201}
    assert len(set(receiver.ids())) == len(receiver.got) == old + 4 * number
