"""Check 12: a worker stands still past its lease while another finishes its work, and then goes on. Some it has in the air;
some it has claimed and not yet dialled."""

import asyncio
import signal
import time
from pathlib import Path

import psycopg
import pytest

from tests.fakes.receiver import Receiver, Reply
from tests.integration.figures import Figures
from tests.integration.product import Servers
from tests.integration.sender import send_all
from tests.integration.waiting import OPEN, set_standby, wait_until

pytestmark = [pytest.mark.integration, pytest.mark.postgres, pytest.mark.timeout(300)]

IN_AIR = "SELECT count(*) FROM deliveries_delivery WHERE status = 'delivering'"
STATES = "SELECT status, count(*) FROM deliveries_delivery GROUP BY status"
LATE = "SELECT count(*) FROM logs_log WHERE late"
FINAL_TWICE = "SELECT count(*) FROM (SELECT 1 FROM logs_log WHERE NOT late GROUP BY delivery_id HAVING count(*) > 1) AS twice"

# Claimed for good, and the worker does not know it yet: its commit waits for a standby, and holds the rows meanwhile.
COMMITTING = """
SELECT count(*) FROM pg_stat_activity JOIN pg_locks USING (pid)
WHERE wait_event = 'SyncRep' AND relation = 'deliveries_delivery'::regclass AND mode = 'RowExclusiveLock'
"""


def test_a_worker_that_comes_back_changes_nothing(tmp_path: Path, full: bool, figures: Figures) -> None:
    number = 200 if full else 50
    with Receiver(lambda _: Reply(delay_s=2)) as receiver, Servers(tmp_path) as product:
        prepared = product.prepare(receiver.url, timeout_s=5)
        product.end("worker-2", signal.SIGTERM)
        asyncio.run(send_all(product.url, prepared.token, [f"event-{n}" for n in range(number)], at_once=number))
        wait_until(lambda: 10 < product.sql(IN_AIR)[0][0] == len(receiver.got))  # all that it has claimed has gone out
        product.processes["worker-1"].send_signal(signal.SIGSTOP)
        held = product.sql(IN_AIR)[0][0]
        product.start("worker-2")
        wait_until(lambda: product.sql(OPEN)[0][0] == 0)
        dialled = len(receiver.got)
        product.processes["worker-1"].send_signal(signal.SIGCONT)
        time.sleep(3)
        for name, query in (("late results", LATE), ("ended twice", FINAL_TWICE)):
            figures.show(name, product.sql(query)[0][0])
        figures.show("held by the one that stood still", held)
        figures.show("dialled after it came back", len(receiver.got) - dialled)
        assert len(receiver.got) == dialled
        assert product.sql(STATES) == [("success", number)]
        assert product.sql(FINAL_TWICE)[0][0] == 0
        assert dialled - number == product.sql(LATE)[0][0] == held  # each of those went out twice


def test_what_was_claimed_and_not_dialled_is_not_dialled_by_a_worker_that_comes_back(
    tmp_path: Path, full: bool, figures: Figures
) -> None:
    number = 200 if full else 50
    with Receiver() as receiver, Servers(tmp_path) as product, psycopg.connect(product.postgres.url, autocommit=True) as admin:
        prepared = product.prepare(receiver.url)
        for name in ("worker-1", "worker-2"):
            product.end(name, signal.SIGTERM)
        asyncio.run(send_all(product.url, prepared.token, [f"event-{n}" for n in range(number)]))
        set_standby(admin, "nobody")
        product.start("worker-1")
        wait_until(lambda: product.sql(COMMITTING)[0][0] > 0)
        product.processes["worker-1"].send_signal(signal.SIGSTOP)
        set_standby(admin, "")
        wait_until(lambda: product.sql(COMMITTING)[0][0] == 0)
        held = product.sql(IN_AIR)[0][0]
        product.start("worker-2")
        wait_until(lambda: product.sql(OPEN)[0][0] == 0)
        dialled = len(receiver.got)
        product.processes["worker-1"].send_signal(signal.SIGCONT)
        time.sleep(3)
        figures.show("claimed, not dialled", held)
        figures.show("dialled after it came back", len(receiver.got) - dialled)
        assert (held, dialled, len(receiver.got)) == (number, number, number)
        assert product.sql(STATES) == [("success", number)]
