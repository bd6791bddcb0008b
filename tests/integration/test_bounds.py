"""Somebody holds a row for long: who needs it waits, and is told; nobody else notices."""

import asyncio
from collections import Counter
from pathlib import Path

import psycopg
import pytest

from tests.fakes.receiver import Receiver
from tests.integration.product import Servers
from tests.integration.sender import send_all
from tests.integration.waiting import wait_until

SHOW = """
import datapusher.asgi
from django.db import connection
cursor = connection.cursor()
for name in ("statement_timeout", "idle_in_transaction_session_timeout", "lock_timeout"):
    cursor.execute(f"SHOW {name}")
    print(cursor.fetchone()[0])
"""

pytestmark = [pytest.mark.integration, pytest.mark.postgres, pytest.mark.timeout(120)]


def test_a_row_that_is_held_for_long_holds_up_nobody_else(tmp_path: Path) -> None:
    with Receiver() as receiver, Servers(tmp_path) as product:
        held, free = product.prepare(f"{receiver.url}/held"), product.prepare(f"{receiver.url}/free")
        with psycopg.connect(product.postgres.url) as holder:
            holder.execute("SELECT 1 FROM accounts_account WHERE id = %s FOR UPDATE", [held.account_id])
            answers = asyncio.run(send_all(product.url, free.token, [f"event-{n}" for n in range(50)]))
            wait_until(lambda: len(receiver.got) >= 50)
        assert answers == Counter({202: 50})
        assert asyncio.run(send_all(product.url, held.token, ["after"])) == Counter({202: 1})
        assert product.run("-c", SHOW).split() == ["5s", "5s", "2s"]
