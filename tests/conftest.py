"""What many tests share."""

from collections.abc import AsyncIterator, Iterator, Sequence
from typing import Any
from typing import cast as as_type

import pytest
import pytest_asyncio
from django.contrib.contenttypes.models import ContentType
from django.core import serializers
from django.core.cache import cache
from django.db import connection
from pytest_django import DjangoDbBlocker

from apps.accounts.models import Role
from apps.common.lanes import close_lanes
from apps.deliveries.engine import Engine
from apps.users.models import User
from tests.cast import Cast, assemble
from tests.fakes.receiver import Receiver


@pytest.fixture(autouse=True)
def no_lane_outlives_its_test() -> Iterator[None]:
    yield
    close_lanes()


@pytest.fixture(autouse=True)
def no_counted_tries() -> Iterator[None]:
    """No limit on guessing outlives its test."""
    yield
    cache.clear()


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> None:
    """What `store` finds in each test: the rows that the migrations make. Django would bring back its own permissions too,
    140 rows for each test, for nobody."""
    with django_db_blocker.unblock():
        rows = [*User.objects.order_by("pk"), *Role.objects.order_by("pk")]
        as_type(Any, connection)._test_serialized_contents = serializers.serialize("json", rows)
    if connection.vendor == "postgresql":
        as_type(Any, connection.ops).sql_flush = _deletes


def _deletes(_style: object, tables: Sequence[str], **_: object) -> list[str]:
    """How each test's tables are emptied on PostgreSQL: a TRUNCATE of all of them makes some 150 new files. Without the
    triggers, of which the history's would refuse."""
    rows = "; ".join(f"DELETE FROM {connection.ops.quote_name(table)}" for table in tables)  # noqa: S608  (Django's own names)
    return [f"SET session_replication_role = replica; {rows}; SET session_replication_role = DEFAULT"]


@pytest.fixture
def store(transactional_db: None, django_db_serialized_rollback: None) -> None:
    """A database that threads see too, with the rows that the migrations make.

    Django empties each table afterwards, on SQLite by DELETE too, which the history's trigger refuses.
    tests/apps/test_migrations.py shows that trigger at work, in a database of its own.
    """
    ContentType.objects.clear_cache()  # they are made anew when somebody asks for them
    if connection.vendor == "sqlite":
        with connection.cursor() as cursor:
            cursor.execute("DROP TRIGGER IF EXISTS audit_entry_no_delete")


@pytest.fixture
def cast(store: None) -> Cast:
    return assemble()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as running:
        yield running


@pytest_asyncio.fixture
async def engine(store: None) -> AsyncIterator[Engine]:
    """A running worker on the test's own event loop."""
    running = Engine()
    running.start()
    yield running
    await running.stop()
