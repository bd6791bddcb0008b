"""A commit that no standby has confirmed is no 2xx, also when somebody ends the wait for it; nor is a repeat of it."""

import asyncio
import threading
import time
from pathlib import Path

import psycopg
import pytest

from tests.integration.load import Load, send_evenly
from tests.integration.product import Servers
from tests.integration.waiting import set_standby, wait_until

pytestmark = [pytest.mark.integration, pytest.mark.postgres, pytest.mark.timeout(120)]

END_THE_WAIT = "SELECT count(pg_cancel_backend(pid)) FROM pg_stat_activity WHERE wait_event = 'SyncRep'"


def test_what_no_standby_has_confirmed_is_not_acknowledged(tmp_path: Path) -> None:
    with Servers(tmp_path) as product, psycopg.connect(product.postgres.url, autocommit=True) as connection:
        prepared = product.prepare()
        set_standby(connection, "nobody")
        time.sleep(1)  # until every process of PostgreSQL has read it
        loads: list[Load] = []
        sending = threading.Thread(
            target=lambda: loads.append(asyncio.run(send_evenly(product.url, prepared.token, "event", 10, 1)))
        )
        sending.start()
        while product.logged().count("CommitUnknown") < 10:
            connection.execute(END_THE_WAIT)
            time.sleep(0.01)
        assert product.sql("SELECT count(*) > 0 FROM events_event") == [(True,)]  # they stand here, and nowhere else
        assert not loads
        set_standby(connection, "")
        sending.join()
        wait_until(lambda: product.sql("SELECT count(*) FROM events_event") == [(10,)])
        assert loads[0].answers[503] >= 10
