"""Checks 10 and 30: an account of which much waits is deleted, and then goes for good, and nobody else notices."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

from tests.fakes.receiver import Received, Receiver, Reply
from tests.integration.figures import Figures
from tests.integration.load import quantile
from tests.integration.product import Prepared, Product, Servers
from tests.integration.test_slow import FINE, KINDS, SLOW, TIMEOUT_S, answer, impatient, send, starts
from tests.integration.test_snapshot import AGED, FOUND
from tests.integration.waiting import wait_until

pytestmark = [pytest.mark.integration, pytest.mark.crowd, pytest.mark.timeout(3600)]

MiB = 1024 * 1024
DOWN = [f"down-{number}" for number in range(10)]
STARTED = "worker started"
CLOSINGS = "SELECT count(*) FROM deliveries_closing"
ENDS = "SELECT status, reason, count(*) FROM deliveries_delivery WHERE account_id = '{}' GROUP BY status, reason"
LONGEST = """SELECT coalesce(max(extract(epoch FROM now() - xact_start)), 0) FROM pg_stat_activity
WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()"""


def answer_or_fail(request: Received) -> Reply:
    return Reply(500) if "down" in request.target else answer(request)


def id_of(product: Product, account: Prepared) -> str:
    """As its database writes it."""
    return account.account_id if isinstance(product, Servers) else account.account_id.replace("-", "")


@dataclass
class Watched:
    longest_s: float = 0.0
    """Of the transactions, where the server tells."""
    memory: int = 0
    """Bytes of the worker that had most."""


def workers(product: Product) -> list[str]:
    return [name for name in product.processes if name != "web"]


@contextmanager
def watching(product: Product) -> Iterator[Watched]:
    found, stop = Watched(), threading.Event()
    own = [psutil.Process(product.processes[name].pid) for name in workers(product)]

    def look() -> None:
        while not stop.wait(0.2):
            found.memory = max(found.memory, *(worker.memory_info().rss for worker in own))
            if isinstance(product, Servers):
                found.longest_s = max(found.longest_s, float(product.sql(LONGEST)[0][0]))

    looking = threading.Thread(target=look)
    looking.start()
    try:
        yield found
    finally:
        stop.set()
        looking.join()


def grow_old(product: Product, account: str) -> None:
    """Deleted long ago; the purge begins with a worker."""
    product.sql(AGED.format(account))
    started = product.logged().count(STARTED) + len(workers(product))
    for name in workers(product):
        product.end(name, signal.SIGTERM)
        product.start(name)
    product.wait()
    wait_until(lambda: product.logged().count(STARTED) == started, 120)


@dataclass
class Neighbour:
    product: Product
    account: Prepared
    receiver: Receiver
    figures: Figures
    rate: int
    seconds: float
    usual: float = 0.0
    """Its p99 when nothing is deleted."""
    memory: int = 0
    """Of a worker then."""

    def begin(self) -> None:
        with watching(self.product) as watched:
            self.usual = self.p99("before")
        self.memory = watched.memory

    def p99(self, prefix: str) -> float:
        """Seconds from acknowledgement to arrival at a destination that works."""
        load = send(self.product, self.account, self.receiver, prefix, self.rate, self.seconds)
        return quantile(starts(load, self.receiver), 0.99)

    def beside(self, what: str, left: str) -> None:
        """Sends meanwhile, and waits until nothing is left."""
        with watching(self.product) as watched:
            p99 = self.p99(what)
            wait_until(lambda: self.product.sql(left) == [(0,)], 1500)
        self.figures.at_most(f"{what}: p99 over the usual {self.usual:.3g}, s", p99 - self.usual, 0.2)
        self.figures.at_most(f"{what}: longest transaction, s", watched.longest_s, 1)
        self.figures.at_most(f"{what}: a worker's memory more, MiB", (watched.memory - self.memory) / MiB, 50)


@pytest.mark.parametrize("kind", KINDS)
def test_much_that_waits_goes_beside_the_others(tmp_path: Path, kind: type[Product], full: bool, figures: Figures) -> None:
    events, rate, seconds = (100_000, 20, 60) if full else (200, 10, 4)
    with Receiver(answer_or_fail) as receiver, impatient(kind(tmp_path)) as product:
        others = product.prepare(*[f"{receiver.url}/{name}" for name in FINE + SLOW], timeout_s=TIMEOUT_S)
        doomed = product.prepare(*[f"{receiver.url}/{name}" for name in DOWN])
        own = id_of(product, doomed)
        product.store(doomed, events)
        neighbour = Neighbour(product, others, receiver, figures, rate, seconds)
        neighbour.begin()
        product.delete(doomed.account_id)
        neighbour.beside("cancelled", CLOSINGS)
        assert product.sql(ENDS.format(own)) == [("cancelled", "deleted", events * len(DOWN))]
        assert "The ledger balances." in product.run("manage.py", "check_ledger")
        grow_old(product, own)
        neighbour.beside("purged", FOUND.format(own))
