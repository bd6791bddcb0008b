"""The servers that the integration tests kill come back with what they promised to keep."""

import psycopg
import pytest
import redis

from tests.services import Postgres, Valkey

pytestmark = pytest.mark.integration


def test_postgres_keeps_what_it_committed_over_a_kill() -> None:
    with Postgres() as postgres:
        with psycopg.connect(postgres.url, autocommit=True) as connection:
            connection.execute("CREATE TABLE kept AS SELECT 1 AS value")
        postgres.kill()
        postgres.start()
        with psycopg.connect(postgres.url) as connection:
            assert connection.execute("SELECT value FROM kept").fetchall() == [(1,)]


def test_postgres_is_as_durable_as_the_product_wants() -> None:
    with Postgres() as postgres, psycopg.connect(postgres.url) as connection:
        names = ("fsync", "full_page_writes", "synchronous_commit", "max_connections")
        values = [connection.execute("SELECT current_setting(%s)", (name,)).fetchone() for name in names]
        assert values == [("on",), ("on",), ("on",), ("200",)]


@pytest.mark.parametrize(("persistent", "left"), [(False, None), (True, b"1")])
def test_valkey_comes_back_empty_unless_it_is_persistent(persistent: bool, left: bytes | None) -> None:
    with Valkey(persistent=persistent) as valkey:
        redis.Redis.from_url(valkey.url).set("key", 1)
        valkey.kill()
        valkey.start()
        assert redis.Redis.from_url(valkey.url).get("key") == left
