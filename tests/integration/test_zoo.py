"""Check 18: a zoo of hostile receivers, each a destination of one account, while another account's events go out.

tests/unit/test_zoo.py is its small form: one try at each, in the test's own process.
"""

import asyncio
import threading
import time
from pathlib import Path

import psutil
import pytest

from apps.common.codes import Error
from tests.fakes.receiver import Receiver
from tests.fakes.zoo import Zoo
from tests.integration.figures import Figures
from tests.integration.load import Load, quantile, send_evenly
from tests.integration.product import Prepared, Servers
from tests.integration.sender import send_all
from tests.integration.waiting import wait_until

pytestmark = [pytest.mark.integration, pytest.mark.crowd, pytest.mark.postgres, pytest.mark.chaos, pytest.mark.timeout(600)]

TIMEOUT_S = 3
EVENTS = 40  # for each beast: ten before its breaker opens, of which some are large
MIB = 1024 * 1024
LOGS = "SELECT error, max(latency_ms), count(*) FROM logs_log WHERE account_id = '{}' GROUP BY error"
TRIED = "SELECT count(DISTINCT destination_id) FROM logs_log WHERE account_id = '{}'"
STATES = "SELECT status, attempts, count(*) FROM deliveries_delivery WHERE account_id = '{}' GROUP BY status, attempts"


class Scale:
    """`with Scale(servers) as scale:` then `scale.grown_mib()`: the most that a worker has grown since."""

    def __init__(self, servers: Servers) -> None:
        workers = [process.pid for name, process in servers.processes.items() if name.startswith("worker")]
        self._workers = [psutil.Process(pid) for pid in workers]
        self._began = [each.memory_info().rss for each in self._workers]
        self._most, self._end = list(self._began), threading.Event()
        self._thread = threading.Thread(target=self._weigh)

    def __enter__(self) -> "Scale":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end.set()
        self._thread.join()

    def _weigh(self) -> None:
        while not self._end.wait(0.05):
            self._most = [max(most, each.memory_info().rss) for most, each in zip(self._most, self._workers, strict=True)]

    def grown_mib(self) -> float:
        return float(max(most - began for most, began in zip(self._most, self._began, strict=True)) / MIB)


def test_the_zoo_costs_no_memory_and_nobody_else_any_time(tmp_path: Path, figures: Figures) -> None:
    with Zoo() as zoo, Receiver() as receiver, Servers(tmp_path) as product:
        good, bad = product.prepare(receiver.url), product.prepare(*zoo.urls.values(), timeout_s=TIMEOUT_S)
        asyncio.run(send_all(product.url, good.token, [f"warm-{number}" for number in range(200)]))
        wait_until(lambda: len(receiver.got) == 200)
        with Scale(product) as scale:
            load = asyncio.run(both(product, good, bad))
            wait_until(lambda: len(receiver.got) == 200 + len(load.acknowledged), 60)
            wait_until(lambda: product.sql(TRIED.format(bad.account_id))[0][0] == len(zoo.urls), 60)
            time.sleep(TIMEOUT_S + 2)  # what is in the air ends
        found = product.sql(LOGS.format(bad.account_id))
        figures.show("receivers", len(zoo.urls))
        figures.show("tries by error", {str(error): number for error, _, number in found})
        figures.at_most("a worker's memory, MiB", scale.grown_mib(), 50)
        figures.at_most("slowest try, s", max(slowest or 0 for _, slowest, _ in found) / 1000, TIMEOUT_S + 1)
        figures.at_most("neighbour, p99 to arrival, s", quantile(load.starts(receiver.got[200:]), 0.99), 1.0)
        assert {error for error, _, _ in found} <= set(Error) - {Error.INTERNAL}
        assert product.sql(STATES.format(good.account_id)) == [("success", 1, len(receiver.got))]
        assert [name for name, process in product.processes.items() if process.poll() is not None] == []
        assert "Traceback" not in product.logged()


async def both(product: Servers, good: Prepared, bad: Prepared) -> Load:
    feeding = asyncio.create_task(send_all(product.url, bad.token, [f"zoo-{number}" for number in range(EVENTS)]))
    load = await send_evenly(product.url, good.token, "good", 20, 30)
    await feeding
    return load
