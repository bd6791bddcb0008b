"""Transactions whose commit is known to be durable.

PostgreSQL ends a commit that waits for its synchronous standby with a mere warning when somebody cancels the wait: the rows
are visible here, and lost when the standby is promoted. Such a commit is unknown, as one whose connection was cut.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress
from typing import Any

from django.db import OperationalError, connection, transaction
from django.db.backends.signals import connection_created

from apps.common.rows import together

_thread = threading.local()


class CommitUnknown(OperationalError):
    """It may stand or not; the same work may be done again."""


@contextmanager
def durable(*, pipelined: bool = False, alone: bool = False) -> Iterator[None]:
    """A transaction. Raises CommitUnknown when its commit came back with a warning.

    `pipelined`: its statements and its commit go out `together()`. Not inside of another transaction, which has no commit here.
    `alone`: it is a single statement, which commits by itself.
    """
    _thread.warned = False
    piped = together() if pipelined and not connection.in_atomic_block else nullcontext()
    with piped, nullcontext() if alone else transaction.atomic():
        yield
    if _thread.warned:
        raise CommitUnknown("the commit came back with a warning")


def wait_for_standby() -> None:
    """In a transaction that writes nothing: makes its commit wait, so that all that it saw is as durable as what it writes."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_logical_emit_message(true, 'datapusher', '')")


def _note(diagnostic: Any) -> None:
    if diagnostic.severity_nonlocalized == "WARNING":
        _thread.warned = True


def _listen(connection: Any, **_: Any) -> None:
    """A pooled connection comes by more than once."""
    if connection.vendor == "postgresql":
        with suppress(ValueError):
            connection.connection.remove_notice_handler(_note)
        connection.connection.add_notice_handler(_note)


connection_created.connect(_listen)
