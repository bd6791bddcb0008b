"""A database of the last release is migrated, and what waited in it goes out."""

import json
import sqlite3
from pathlib import Path

import psycopg
import pytest

from tests.fakes.receiver import Receiver
from tests.integration.product import Embedded, Product, Servers
from tests.integration.sending import post
from tests.integration.waiting import wait_until
from tests.released import RELEASED
from tests.services import Postgres

pytestmark = [pytest.mark.integration]

TOKENS = json.loads((RELEASED / "tokens.json").read_text())
DUE = "UPDATE deliveries_delivery SET next_attempt_at = {} WHERE status = 'pending'"


class OldFile(Embedded):
    def __init__(self, directory: Path, url: str) -> None:
        super().__init__(directory)
        self.receiver = url

    def migrate(self) -> None:
        with sqlite3.connect(self.directory / "datapusher.sqlite3") as connection:
            connection.executescript((RELEASED / "sqlite.sql").read_text())
            connection.execute("UPDATE destinations_destination SET url = ?", [self.receiver])
            connection.execute(DUE.format("strftime('%Y-%m-%d %H:%M:%f', 'now')"))
        Product.migrate(self)


def load(postgres: Postgres, url: str) -> None:
    with psycopg.connect(postgres.url) as connection:
        connection.execute((RELEASED / "postgresql.sql").read_bytes())
    with psycopg.connect(postgres.url) as connection:
        connection.execute("UPDATE destinations_destination SET url = %s", [url])
        connection.execute(DUE.format("now()").encode())


def goes_on(product: Product, receiver: Receiver, token: str) -> None:
    """What waited arrives, the account's token still works, and the ledger balances."""
    wait_until(lambda: len(receiver.got) == 1, 60)
    assert receiver.got[0].body == b'{"total": 2.20}'
    assert post(product.url, token, "delivered", b'{"total": 1.10}') == 200
    assert post(product.url, token, "new", b'{"total": 3.30}') == 202
    wait_until(lambda: len(receiver.got) == 2, 60)
    assert receiver.got[1].body == b'{"total": 3.30}'
    assert "The ledger balances." in product.run("manage.py", "check_ledger")


@pytest.mark.embedded
def test_a_file_of_the_last_release_goes_on(tmp_path: Path) -> None:
    with Receiver() as receiver, OldFile(tmp_path, receiver.url) as product:
        goes_on(product, receiver, TOKENS["sqlite"])


@pytest.mark.postgres
def test_a_dump_of_the_last_release_goes_on(tmp_path: Path) -> None:
    product = Servers(tmp_path)
    product.postgres.close()
    with Receiver() as receiver, Postgres() as postgres:
        load(postgres, receiver.url)
        product.database_url = postgres.url
        with product:
            goes_on(product, receiver, TOKENS["postgresql"])
