"""What a serving process checks before it starts. Each failure ends it with one line."""

import time
from collections.abc import Callable

import redis
from django.conf import settings
from django.core.checks import run_checks
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor

from apps.common import checks, traces

# Seconds that database and Redis may take to come up beside us.
_PATIENCE_S = 10
# Off, an acknowledged event could be lost with the power.
_DURABLE = ("fsync", "full_page_writes", "synchronous_commit")
# A serving process's own bounds at PostgreSQL: a transaction that stays open, or a statement that waits, holds up the queue
# (an idle snapshot brought claims from 10 to 227 ms). Commands that migrate or purge are not bound by them. The wait for a
# row that somebody holds is a page's: it is answered 503 then; the lanes wait less. What is compiled for 50 ms runs for 5.
_BOUNDS = "-c statement_timeout=5s -c idle_in_transaction_session_timeout=5s -c lock_timeout=2s -c jit=off"


class StartError(SystemExit):
    """Ends the process with this one line on stderr."""

    def __init__(self, why: str) -> None:
        super().__init__(f"datapusher: {why}")


def wait_for_services() -> None:
    """Raises StartError when the settings are unsafe, when the database or Redis is not there in 10 s, is not durable, or lacks
    its migrations; or when traces are asked for and cannot be made."""
    if settings.DATABASE_URL and not settings.REDIS_URL:
        raise StartError("REDIS_URL: must be set when DATABASE_URL is set, so that web and worker processes find each other")
    for wrong in run_checks(tags=[checks.TAG], include_deployment_checks=True):
        raise StartError(wrong.msg)
    _bound_transactions()
    _wait("DATABASE_URL: the database", _reach_database, (DatabaseError,))
    if settings.REDIS_URL:
        _wait("REDIS_URL: Redis", _reach_redis, (redis.RedisError, OSError))
    _check_durable()
    _check_migrated()
    connection.close()
    _start_traces()


def _wait(what: str, reach: Callable[[], object], away: tuple[type[Exception], ...]) -> None:
    end = time.monotonic() + _PATIENCE_S
    while True:
        try:
            reach()
            return
        except away as error:
            if time.monotonic() > end:
                raise StartError(f"{what} cannot be reached: {type(error).__name__}") from None
            time.sleep(0.5)


def _bound_transactions() -> None:
    """For every connection that this process opens from now on."""
    if connection.vendor == "postgresql":
        options = connection.settings_dict["OPTIONS"]
        options["options"] = f"{options.get('options', '')} {_BOUNDS}".strip()


def _reach_database() -> None:
    connection.ensure_connection()


def _reach_redis() -> None:
    with redis.Redis.from_url(settings.REDIS_URL, socket_timeout=2, socket_connect_timeout=2) as client:
        client.ping()


def _check_durable() -> None:
    if connection.vendor != "postgresql":
        return
    with connection.cursor() as cursor:
        for name in _DURABLE:
            cursor.execute("SELECT current_setting(%s)", [name])
            if cursor.fetchone()[0] == "off":
                raise StartError(f"DATABASE_URL: PostgreSQL runs with {name} off, so an accepted event could be lost")


def _check_migrated() -> None:
    executor = MigrationExecutor(connection)
    if executor.migration_plan(executor.loader.graph.leaf_nodes()):
        raise StartError("the database lacks migrations: run `python manage.py migrate`")


def _start_traces() -> None:
    if settings.OTEL_EXPORTER_OTLP_ENDPOINT:
        try:
            traces.start()
        except ImportError:
            raise StartError("OTEL_EXPORTER_OTLP_ENDPOINT: is set, and the extra `otel` is not installed") from None
