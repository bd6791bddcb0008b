"""Check 31: the primary is killed and its synchronous standby promoted, again and again, under load. A viewer whose socket
stays open gets every log once; one that comes back from before a promotion is reset."""

import asyncio
import shutil
import threading
import time
from collections import Counter
from pathlib import Path

import psycopg
import pytest

from tests.fakes.receiver import Receiver, Reply
from tests.integration.figures import Figures
from tests.integration.load import event_of, send_evenly
from tests.integration.product import Prepared, Servers
from tests.integration.viewer import Viewer, hello_of
from tests.integration.waiting import OPEN, wait_until
from tests.services import Postgres

pytestmark = [pytest.mark.integration, pytest.mark.postgres, pytest.mark.chaos, pytest.mark.timeout(600)]

SYNCHRONOUS = "ALTER SYSTEM SET synchronous_standby_names = '*'"
IN_STEP = "SELECT count(*) FROM pg_stat_replication WHERE sync_state = 'sync'"


class Pair:
    """A primary and its synchronous standby; `fail_over` kills the one and promotes the other."""

    def __init__(self) -> None:
        self.primary, self.standby = Postgres(), Postgres()

    def start(self) -> None:
        self.primary.start()
        self._follow()

    @property
    def url(self) -> str:
        """libpq tries both and takes the one that can be written to."""
        hosts = f"{self.primary.directory},{self.standby.directory}"
        return f"postgresql://postgres@/datapusher?host={hosts}&target_session_attrs=read-write"

    def fail_over(self) -> None:
        self.primary.kill()
        with psycopg.connect(self.standby.url, autocommit=True) as connection:
            connection.execute("ALTER SYSTEM RESET synchronous_standby_names")
            connection.execute("SELECT pg_promote()")
        self.primary, self.standby = self.standby, self.primary
        shutil.rmtree(self.standby.data)
        self._follow()

    def _follow(self) -> None:
        self.standby.copy_of(self.primary)
        self.standby.start()
        with psycopg.connect(self.primary.url, autocommit=True) as connection:
            connection.execute(SYNCHRONOUS)
            connection.execute("SELECT pg_reload_conf()")
            wait_until(lambda: connection.execute(IN_STEP).fetchone() == (1,))

    def close(self) -> None:
        self.standby.close()
        self.primary.close()


def test_no_2xx_is_missing_and_nothing_finished_goes_out_again(tmp_path: Path, figures: Figures) -> None:
    pair = Pair()
    pair.start()
    product = Servers(tmp_path)
    product.postgres.close()
    product.database_url = pair.url
    with Receiver(lambda _: Reply(delay_s=0.02)) as receiver, product:
        prepared = product.prepare(receiver.url, timeout_s=15)  # slowness of the machine is no fault here
        resets: list[bool] = []
        failing = threading.Thread(target=fail_over_often, args=(pair, 5, product, prepared, resets))
        with Viewer(product, prepared) as viewer:
            failing.start()
            load = asyncio.run(send_evenly(product.url, prepared.token, "event", 60, 45))
            failing.join()
            wait_until(lambda: len(viewer.seen) >= 60 * 45 or viewer.resets > 0)
            time.sleep(2)  # for what comes twice
        with psycopg.connect(pair.primary.url) as connection:
            wait_until(lambda: connection.execute(OPEN.encode()).fetchone() == (0,))
            stored = {row[0] for row in connection.execute("SELECT event_id FROM events_event")}
        assert [name for name, process in product.processes.items() if process.poll() is not None] == []
    pair.close()
    arrived = Counter(event_of(request.body) for request in receiver.got)
    figures.show("answers", dict(load.answers))
    figures.show("2xx without its row", len(load.acknowledged.keys() - stored))
    figures.show("sent again though answered", sum(arrived.values()) - len(arrived))
    figures.show("entries that an open socket saw", len(viewer.seen))
    figures.show("resets of those who came back", sum(resets))
    assert resets == [True] * 5
    assert viewer.seen == sorted(set(viewer.seen))
    assert viewer.resets > 0 or viewer.seen == list(range(1, 60 * 45 + 1))
    assert load.without_retry_after == 0
    assert load.acknowledged.keys() <= stored
    assert arrived.keys() == stored
    assert sum(arrived.values()) == len(arrived)


def fail_over_often(pair: Pair, times: int, product: Servers, prepared: Prepared, resets: list[bool]) -> None:
    for _ in range(times):
        time.sleep(6)
        before = hello_of(product, prepared)
        pair.fail_over()
        again = hello_of(product, prepared, f"after={before['cursor']}&epoch={before['epoch']}")
        resets.append(again.get("reset", False))
