"""How we fare, for operators: whether this process can store, whether anybody works, what waits.

What waits is never counted to its end: 100,000 rows of a partial index are, beyond that PostgreSQL's own estimate of the index
counts, which each vacuum renews, and on that table there is one after 10,000 changes. What is held is read from the ledger.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from functools import cache
from math import nan

from django.db import ProgrammingError, connection, transaction
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder
from django.db.models import Count, F, Min, Q, Sum
from django.db.models.functions import Now

from apps.common.batches import delete_some
from apps.common.commits import durable
from apps.common.ids import uuid7
from apps.deliveries.jobs import Process
from apps.deliveries.models import SUSPECT_AT, Delivery, DeliveryQuerySet
from apps.deliveries.selectors import database_now
from apps.destinations.models import Destination, Gate
from apps.logs.selectors import flows_of_all_time

# Seconds between two signs of life of a worker, and those after which one without a sign counts no more.
BEAT_S = 10.0
SEEN_S = 30
_COUNTED_MAX = 100_000
_FORGOTTEN = timedelta(hours=1)
# This process's rows: of its engine, and of its readiness.
_OWN = {works: uuid7() for works in (True, False)}


class Unready(StrEnum):
    """Why this process cannot store. A closed list."""

    DATABASE_AWAY = "database_away"
    DATABASE_READ_ONLY = "database_read_only"
    DISK_FULL = "disk_full"
    MIGRATIONS_MISSING = "migrations_missing"


class Degraded(StrEnum):
    """What else does not work as it should. A closed list."""

    REDIS_AWAY = "redis_away"
    NO_WORKER = "no_worker"


class MigrationsMissing(Exception):
    """The database is older than the code."""


def beat(*, works: bool) -> bool:
    """This process's sign of life: one row, renewed. Returns True."""
    if not Process.objects.filter(pk=_OWN[works]).update(seen_at=Now()):
        Process.objects.bulk_create([Process(pk=_OWN[works], works=works)], ignore_conflicts=True)
    return True


@transaction.atomic
def beat_of_worker() -> bool:
    """Waits for no standby: what it says is true without one, and the loop that says it would claim nothing meanwhile."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL synchronous_commit TO local")
    return beat(works=True)


def forget() -> int:
    """Removes the rows of processes that are gone. Returns how many."""
    return delete_some(Process.objects.filter(seen_at__lt=Now() - _FORGOTTEN))


def workers() -> int:
    """How many gave a sign of life in the last 30 s."""
    return Process.objects.filter(works=True, seen_at__gte=Now() - timedelta(seconds=SEEN_S)).count()


def store_something() -> int:
    """Proves that this process can store, by a row and its commit. Returns how many workers there are.

    Raises:
        MigrationsMissing.
        CommitUnknown: no standby confirms it.
        DatabaseError: what `reason_of` knows.
    """
    if _wanted() - MigrationRecorder(connection).applied_migrations().keys():
        raise MigrationsMissing
    with durable():
        beat(works=False)
    return workers()


@cache
def _wanted() -> frozenset[tuple[str, str]]:
    """The newest migration of each app."""
    return frozenset((app, name) for app, name in MigrationLoader(None).graph.leaf_nodes())


# SQLSTATE and SQLite's primary result codes.
_READ_ONLY = {"25006", 8}
_NO_ROOM = {"53100", 13}
_NO_SUCH_TABLE = {"42P01", 1}


def reason_of(error: BaseException) -> Unready:
    """Why nothing could be stored."""
    cause = error.__cause__
    code: object = getattr(cause, "sqlstate", None) or (getattr(cause, "sqlite_errorcode", 0) & 0xFF)
    if isinstance(error, MigrationsMissing | ProgrammingError) or code in _NO_SUCH_TABLE:
        return Unready.MIGRATIONS_MISSING
    if code in _READ_ONLY:
        return Unready.DATABASE_READ_ONLY
    return Unready.DISK_FULL if code in _NO_ROOM else Unready.DATABASE_AWAY


@dataclass(frozen=True, slots=True)
class Figures:
    """Times in seconds; NaN: not known."""

    workers: float
    waiting: Mapping[str, float]
    oldest_due: float
    breakers: Mapping[str, float]
    oldest_snapshot: float


UNKNOWN = Figures(nan, dict.fromkeys(("ready", "later", "held"), nan), nan, dict.fromkeys(("open", "half_open"), nan), nan)


def figures() -> Figures:
    """Eight small queries, of which three count, each in an index of its own."""
    now = database_now()
    ready, first = _waiting(Delivery.objects.ready().filter(lost_leases__lt=SUSPECT_AT), "delivery_ready")
    suspects, first_suspect = _waiting(Delivery.objects.ready().suspects(), "delivery_suspect")
    retries = Delivery.objects.filter(status=Delivery.Status.PENDING, queue=Delivery.Queue.LATER)
    later, first_retry = _waiting(retries, "delivery_later")
    due = [(now - each).total_seconds() for each in (first, first_suspect, first_retry) if each is not None]
    waiting = {"ready": ready + suspects, "later": later, "held": _held()}
    return Figures(workers(), waiting, max(0.0, *due) if due else 0.0, _breakers(), _snapshot())


def _waiting(rows: DeliveryQuerySet, index: str) -> tuple[int, datetime | None]:
    """How many there are, and since when the first of those that were counted is due."""
    found = rows.order_by()[:_COUNTED_MAX].aggregate(number=Count("pk"), first=Min("next_attempt_at"))
    number: int = found["number"]
    if number == _COUNTED_MAX and connection.vendor == "postgresql":
        number = max(number, _estimate(index))
    return number, found["first"]


def _estimate(index: str) -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT coalesce(max(reltuples), 0)::bigint FROM pg_class WHERE oid = to_regclass(%s)", [index])
        return int(cursor.fetchone()[0])


def _held() -> int:
    """By the ledger: what waits for destinations that are closed, or whose gate has something to let through."""
    closed = ~Q(destination__state=Destination.State.ACTIVE) | Q(destination__gate__wake_at__isnull=False)
    # The account, so that each is one probe of the flows' unique index.
    own = flows_of_all_time().filter(closed, account=F("destination__account"), destination__deleted_at=None)
    return own.aggregate(all=Sum(F("accepted") - F("delivered") - F("failed") - F("cancelled")))["all"] or 0


def _breakers() -> dict[str, int]:
    """Gates are few: only limited and failing destinations have one."""
    turned = Gate.objects.exclude(breaker=Gate.Breaker.CLOSED).values_list("breaker").annotate(Count("pk"))
    return {Gate.Breaker.OPEN.value: 0, Gate.Breaker.HALF_OPEN.value: 0} | dict(turned.order_by())


_OLDEST_SNAPSHOT = """
SELECT extract(epoch FROM max(statement_timestamp() - xact_start))::float8 FROM pg_stat_activity WHERE backend_xmin IS NOT NULL
"""


def _snapshot() -> float:
    """Of the sessions that our role may see: its own, or all where it is in pg_read_all_stats."""
    if connection.vendor != "postgresql":
        return nan
    with connection.cursor() as cursor:
        cursor.execute(_OLDEST_SNAPSHOT)
        found: float | None = cursor.fetchone()[0]
    return found or 0.0
