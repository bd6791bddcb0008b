"""The database's clock, as a test sets it: what asks the database for the time, and what reads this machine's, see it."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from unittest.mock import patch

from django.db import connection
from django.db.models.functions import Now
from django.utils import timezone

from apps.deliveries.clock import Watch

# Found before PostgreSQL's own function, since `clock` comes first on the search path.
_FUNCTIONS = (
    "CREATE SCHEMA clock",
    (
        "CREATE FUNCTION clock.statement_timestamp() RETURNS timestamptz LANGUAGE plpgsql STABLE AS "
        "$$BEGIN RETURN current_setting('clock.now')::timestamptz; END$$"
    ),
    "SET LOCAL search_path = clock, pg_catalog, public",
)


@dataclass
class Clock:
    now: datetime

    def pass_by(self, seconds: float) -> None:
        self.set(self.now + timedelta(seconds=seconds))

    def set(self, now: datetime) -> None:
        self.now = now
        if connection.vendor == "postgresql":
            with connection.cursor() as cursor:
                cursor.execute("SELECT set_config('clock.now', %s, true)", [now.isoformat()])

    def since_boot(self) -> float:
        return self.now.timestamp()


@contextmanager
def frozen_clock() -> Iterator[Clock]:
    """Stands still until it is told to move. In a transaction, which is rolled back afterwards."""
    clock = Clock(timezone.now())

    def as_sqlite(function: Now, compiler: Any, connection: Any, **context: Any) -> Any:
        return function.as_sql(compiler, connection, template=f"'{clock.now:%Y-%m-%d %H:%M:%S.%f}'", **context)

    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            for statement in _FUNCTIONS:
                cursor.execute(statement)
        clock.set(clock.now)
    with (
        patch.object(Now, "as_sqlite", as_sqlite),
        patch("django.utils.timezone.now", lambda: clock.now),
        patch("apps.deliveries.claims.since_boot", clock.since_boot),
        patch("apps.deliveries.clock.since_boot", clock.since_boot),
        patch("apps.deliveries.claims._watch", Watch()),
    ):
        yield clock
