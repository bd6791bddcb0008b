"""SIGTERM to a worker whose database stands still: it ends in time all the same, and says what it leaves."""

import asyncio
import signal
import time
from pathlib import Path

import pytest

from tests.fakes.receiver import Receiver, Reply
from tests.integration.figures import Figures
from tests.integration.product import Servers
from tests.integration.sender import send_all
from tests.integration.waiting import OPEN, wait_until

pytestmark = [pytest.mark.integration, pytest.mark.postgres, pytest.mark.timeout(120)]

IN_AIR = "SELECT count(*) FROM deliveries_delivery WHERE status = 'delivering'"


def test_a_worker_ends_though_the_database_stays_away(tmp_path: Path, figures: Figures) -> None:
    with Receiver(lambda _: Reply(delay_s=0.8)) as receiver, Servers(tmp_path) as product:
        product.end("worker-2", signal.SIGTERM)
        product.environment["TEST_WORKER_STOP_S"] = "4"
        product.kill("worker-1")
        prepared = product.prepare(receiver.url)
        asyncio.run(send_all(product.url, prepared.token, [f"event-{n}" for n in range(20)], at_once=20))
        wait_until(lambda: product.sql(IN_AIR)[0][0] == 20)
        product.postgres.freeze()
        began = time.monotonic()
        code = product.end("worker-1", signal.SIGTERM)
        figures.show("stopped after, s", time.monotonic() - began)
        product.postgres.thaw()
        assert (code, product.logged().count("deliveries not recorded")) == (0, 1)
        product.start("worker-1")
        wait_until(lambda: product.sql(OPEN)[0][0] == 0)
        assert len(set(receiver.ids())) == 20
