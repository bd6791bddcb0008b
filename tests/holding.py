"""Somebody's transaction that stands open, on PostgreSQL."""

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from django.db import connection

from apps.accounts.models import Account


@contextmanager
def holding(query: str, account: Account) -> Iterator[None]:
    """Somebody's transaction holds the rows until the block ends."""
    names = ("host", "port", "user", "password", "dbname")
    parameters = {name: value for name, value in connection.get_connection_params().items() if name in names}
    with psycopg.connect(**parameters) as holder:
        holder.execute(query.encode(), [account.pk])
        yield
