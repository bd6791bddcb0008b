"""Check 7: Channels' own worker command in place of ours, and a consumer that raises on every tenth doorbell."""

import asyncio
import sys
from pathlib import Path

import pytest

from tests.fakes.receiver import Receiver
from tests.integration.figures import Figures
from tests.integration.load import send_evenly
from tests.integration.product import Servers
from tests.integration.waiting import OPEN, wait_until

pytestmark = [pytest.mark.integration, pytest.mark.postgres, pytest.mark.timeout(300)]


class Foreign(Servers):
    WORKER = ""

    def __init_subclass__(cls) -> None:
        worker = [sys.executable, "-m", "tests.integration.foreign_worker", cls.WORKER]
        cls.COMMANDS = {"web": Servers.COMMANDS["web"], "worker": worker}


class StockWorker(Foreign):
    WORKER = "stock"


class RaisingConsumer(Foreign):
    WORKER = "raising"


@pytest.mark.parametrize("kind", [StockWorker, RaisingConsumer])
def test_nothing_is_lost_under_a_foreign_worker(tmp_path: Path, kind: type[Foreign], full: bool, figures: Figures) -> None:
    rate, seconds = (200, 30) if full else (50, 4)
    with Receiver() as receiver, kind(tmp_path) as product:
        prepared = product.prepare(receiver.url)
        load = asyncio.run(send_evenly(product.url, prepared.token, "event", rate, seconds))
        wait_until(lambda: product.sql(OPEN)[0][0] == 0)
        failures = product.logged().count("every tenth doorbell")
        assert product.processes["worker"].poll() is None
    figures.show("answers", dict(load.answers))
    figures.show("requests", len(receiver.got))
    figures.show("doorbells that failed", failures)
    assert len(receiver.got) == len(set(receiver.ids())) == rate * seconds
    assert (failures > 0) == (kind is RaisingConsumer)
