"""Waiting for what must come to be."""

import time
from collections.abc import Callable

import psycopg

OPEN = "SELECT count(*) FROM deliveries_delivery WHERE status IN ('pending', 'delivering')"


def wait_until(reached: Callable[[], bool], seconds: float = 600) -> None:
    end = time.monotonic() + seconds
    while not reached():
        assert time.monotonic() < end
        time.sleep(0.05)


def set_standby(connection: psycopg.Connection, name: str) -> None:
    """Each commit waits for a standby of this name from now on; empty: for none."""
    connection.execute(f"ALTER SYSTEM SET synchronous_standby_names = '{name}'".encode())
    connection.execute("SELECT pg_reload_conf()")
