"""What operators are told: whether this process can store, who works, what waits."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from math import isnan

import pytest
from django.db import DatabaseError, OperationalError, connection, transaction
from django.db.migrations.recorder import MigrationRecorder
from django.db.models.functions import Now
from django.test.utils import CaptureQueriesContext

from apps.deliveries import vitals
from apps.deliveries.engine import Engine
from apps.deliveries.jobs import Process
from apps.deliveries.models import Delivery
from apps.deliveries.vitals import MigrationsMissing, Unready, beat, figures, forget, reason_of, store_something, workers
from apps.destinations.models import Destination, Gate
from apps.destinations.services import pause
from apps.ingest.batch import store
from apps.logs.services import book
from tests.cast import Cast
from tests.events import make_post
from tests.posting import until


def age(seconds: float) -> None:
    Process.objects.update(seen_at=Now() - timedelta(seconds=seconds))


def test_a_process_has_one_row_however_often_it_shows_itself(store: None) -> None:
    for _ in range(3):
        beat(works=True)
        store_something()
    assert sorted(Process.objects.values_list("works", flat=True)) == [False, True]


def test_a_worker_counts_for_thirty_seconds_and_a_web_process_never(store: None) -> None:
    beat(works=False)
    assert workers() == 0
    beat(works=True)
    age(29)
    assert workers() == 1
    age(31)
    assert workers() == 0
    beat(works=True)
    assert workers() == 1


def test_what_is_gone_is_forgotten_and_what_lives_is_not(store: None) -> None:
    Process.objects.bulk_create(Process(works=True) for _ in range(5))
    age(3601)
    beat(works=True)
    assert (forget(), Process.objects.count()) == (5, 1)


async def test_the_engine_shows_itself_by_itself(engine: Engine) -> None:
    await until(lambda: workers() == 1)


@contextmanager
def pragma(name: str, value: str, after: str) -> Iterator[None]:
    """SQLite's, for a while; outside of a transaction, which an error would have ended."""
    with connection.cursor() as cursor:
        cursor.execute(f"PRAGMA {name} = {value}")
        try:
            yield
        finally:
            cursor.execute(f"PRAGMA {name} = {after}")


@contextmanager
def read_only() -> Iterator[None]:
    """What the database says to a write in here."""
    if connection.vendor == "sqlite":
        with pragma("query_only", "ON", after="OFF"):
            yield
        return
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET TRANSACTION READ ONLY")
        yield


@contextmanager
def no_room() -> Iterator[None]:
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("DO $$ BEGIN RAISE EXCEPTION USING ERRCODE = 'disk_full'; END $$")
        cursor.execute("PRAGMA page_count")
        (pages,) = cursor.fetchone()
    with pragma("max_page_count", pages, after="4294967294"), transaction.atomic():
        while Process.objects.bulk_create(Process(works=False) for _ in range(10_000)):
            pass  # what others deleted left pages that are filled first
        yield


@contextmanager
def no_table() -> Iterator[None]:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("ALTER TABLE deliveries_process RENAME TO deliveries_away")
        yield


CASES = [
    pytest.param(read_only, Unready.DATABASE_READ_ONLY, id="read only"),
    pytest.param(no_room, Unready.DISK_FULL, id="no room"),
    pytest.param(no_table, Unready.MIGRATIONS_MISSING, id="no table"),
]


@pytest.mark.parametrize(("broken", "reason"), CASES)
def test_the_database_says_why_nothing_is_stored(store: None, broken: object, reason: Unready) -> None:
    assert callable(broken)
    with pytest.raises(DatabaseError) as raised, broken():
        beat(works=False)
    assert reason_of(raised.value) is reason
    beat(works=False)
    assert Process.objects.count() == 1


def test_a_database_that_lacks_a_migration_is_one_that_cannot_store(store: None) -> None:
    with transaction.atomic():
        MigrationRecorder(connection).record_unapplied(*max(each for each in vitals._wanted() if each[0] == "deliveries"))
        with pytest.raises(MigrationsMissing) as raised:
            store_something()
        transaction.set_rollback(True)
    assert reason_of(raised.value) is Unready.MIGRATIONS_MISSING
    store_something()


@pytest.mark.parametrize("error", [OperationalError("no route"), TimeoutError()])
def test_whatever_else_is_a_database_that_is_away(error: Exception) -> None:
    assert reason_of(error) is Unready.DATABASE_AWAY


def put(cast: Cast, number: int) -> None:
    store([make_post(cast.token, cast.account, f"e{n}", b"{}") for n in range(number)])
    while book():
        pass


def test_what_waits_is_counted_where_it_waits(cast: Cast) -> None:
    first, second = (cast.destination(f"https://{name}.example.com/") for name in "ab")
    put(cast, 5)
    assert figures().waiting == {"ready": 10, "later": 0, "held": 0}
    Delivery.objects.filter(destination=first).update(queue=Delivery.Queue.LATER, next_attempt_at=Now() + timedelta(hours=1))
    pause(destination=second, by=cast.admin)
    Delivery.objects.filter(destination=second).update(queue=Delivery.Queue.HELD)
    assert figures().waiting == {"ready": 0, "later": 5, "held": 5}
    assert figures().oldest_due == 0


@pytest.mark.parametrize("queue", [Delivery.Queue.READY, Delivery.Queue.LATER])
def test_the_oldest_that_could_go_says_since_when(cast: Cast, queue: Delivery.Queue) -> None:
    cast.destination("https://example.com/")
    put(cast, 3)
    Delivery.objects.update(queue=queue, next_attempt_at=Now() - timedelta(seconds=90))
    assert 90 <= figures().oldest_due < 120


def test_a_suspect_waits_like_the_others(cast: Cast) -> None:
    cast.destination("https://example.com/")
    put(cast, 2)
    Delivery.objects.update(lost_leases=2, next_attempt_at=Now() - timedelta(seconds=90))
    found = figures()
    assert (found.waiting["ready"], found.oldest_due >= 90) == (2, True)


def test_beyond_what_is_counted_the_database_estimates(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    cast.destination("https://example.com/")
    put(cast, 50)
    monkeypatch.setattr(vitals, "_COUNTED_MAX", 10)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE deliveries_delivery")
    assert figures().waiting["ready"] == (50 if connection.vendor == "postgresql" else 10)


def test_breakers_are_counted_by_their_state(cast: Cast) -> None:
    states = [Gate.Breaker.OPEN, Gate.Breaker.OPEN, Gate.Breaker.HALF_OPEN, Gate.Breaker.CLOSED]
    for number, state in enumerate(states):
        destination = cast.destination(f"https://{number}.example.com/")
        Gate.objects.create(destination=destination, breaker=state, probe_at=Now() if state == Gate.Breaker.OPEN else None)
    assert figures().breakers == {"open": 2, "half_open": 1}


def test_only_postgresql_has_snapshots_to_watch(store: None) -> None:
    assert isnan(figures().oldest_snapshot) == (connection.vendor == "sqlite")


def test_however_much_there_is_it_takes_as_many_queries(cast: Cast) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            figures()
        return len(captured)

    cast.destination("https://example.com/")
    put(cast, 1)
    before = queries()
    put(cast, 50)
    Gate.objects.bulk_create(Gate(destination=each, breaker=Gate.Breaker.HALF_OPEN) for each in Destination.objects.all())
    assert queries() == before <= 10
