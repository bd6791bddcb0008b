"""Many rows in one statement: all that goes in comes out, on both databases."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from django.db import DataError, IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from apps.common.ids import uuid7
from apps.common.rows import Reading, add, columns_of, insert, insert_new, together, update
from apps.deliveries.models import Delivery
from apps.events.models import Event, Unindexed
from apps.ingest.batch import store
from apps.logs.models import LogCounter, Tally
from tests.cast import Cast
from tests.events import make_post

FRESH = {"body": b"\x00\xff{}", "digest": b"d" * 32, "size": 4, "traceparent": ""}


def events(cast: Cast, *names: str, **others: Any) -> dict[str, Sequence[Any]]:
    same = {name: [value] * len(names) for name, value in (FRESH | {"account": cast.account.pk} | others).items()}
    return {"id": [uuid7() for _ in names], "event_id": names, **same}


def test_what_goes_in_comes_out(cast: Cast) -> None:
    columns = events(cast, "a", "b", "c")
    insert(Event, columns)
    found = Event.objects.order_by("event_id").values_list("id", "event_id", "account_id", "body", "size")
    assert [(*row[:3], bytes(row[3]), row[4]) for row in found] == [
        (pk, name, cast.account.pk, b"\x00\xff{}", 4) for pk, name in zip(columns["id"], "abc", strict=True)
    ]
    assert Event.objects.filter(received_timestamp__gt=timezone.now() - timedelta(minutes=1)).count() == 3  # by the database


def test_only_what_is_new_is_inserted_and_marked(cast: Cast) -> None:
    first, second = events(cast, "a", "b"), events(cast, "b", "c", "d")
    assert insert_new(Event, first, mark=Unindexed) == set(first["id"])
    assert insert_new(Event, second, mark=Unindexed) == set(second["id"][1:])
    assert insert_new(Event, second, mark=Unindexed) == set()
    assert set(Unindexed.objects.values_list("pk", flat=True)) == {*first["id"], *second["id"][1:]}


@pytest.mark.postgres
def test_what_is_too_long_is_refused_and_never_cut(cast: Cast) -> None:
    with pytest.raises(DataError), transaction.atomic():
        insert(Event, events(cast, "short", "x" * 256))
    assert not Event.objects.exists()


def delivery(cast: Cast) -> tuple[UUID, ...]:
    destination = cast.destination("https://example.com/hook")
    store([make_post(cast.token, cast.account, f"e{number}", b"{}") for number in range(3)])
    return tuple(Delivery.objects.filter(destination=destination).order_by("pk").values_list("pk", flat=True))


def test_each_row_gets_its_own_values_nulls_too(cast: Cast) -> None:
    ids, token, now = delivery(cast), uuid7(), timezone.now()
    until = now + timedelta(seconds=30)
    columns = {
        "id": ids[:2],
        "status": ["delivering", "success"],
        "lease_token": [token, None],
        "lease_until": [until, None],
        "next_attempt_at": [None, None],
    }
    update(Delivery, columns)
    rows = Delivery.objects.order_by("pk").values_list("status", "lease_token", "lease_until", "attempts")
    assert list(rows) == [("delivering", token, until, 0), ("success", None, None, 0), ("pending", None, None, 0)]


def test_nothing_to_write_asks_nothing(cast: Cast) -> None:
    with CaptureQueriesContext(connection) as queries:
        insert(Event, events(cast))
        update(Delivery, columns_of([], ("id", "status")))
    assert len(queries) == 0


def test_what_is_written_stands_in_the_log_of_queries(cast: Cast) -> None:
    with CaptureQueriesContext(connection) as queries:
        insert(Event, events(cast, "a"))
    assert [query["sql"].startswith("INSERT") for query in queries] == [True]


def test_counts_grow(cast: Cast) -> None:
    start = timezone.now().replace(second=0, microsecond=0)
    key = {"account": cast.account.pk, "span_s": 60, "start": start, "destination": uuid7(), "status": "success"}
    for classes, counts in (([1, 2], [3, 4]), ([2, 3], [10, 20])):
        columns = {name: [value, value] for name, value in key.items()}
        add(Tally, {**columns, "latency_class": classes, "count": counts}, ["count"])
    assert list(Tally.objects.order_by("latency_class").values_list("latency_class", "count")) == [(1, 3), (2, 14), (3, 20)]


def test_a_reading_takes_any_number_of_keys(cast: Cast) -> None:
    LogCounter.objects.bulk_create([LogCounter(account=each, value=7) for each in (cast.account, cast.other)])
    counters = Reading(
        lambda keys: LogCounter.objects.filter(account__among=keys, value=7).order_by("pk").values_list("pk", "value")
    )
    own, other = cast.account.pk, cast.other.pk
    assert [sorted(counters(keys)) for keys in ([], [own], {own, other, uuid7()})] == [
        [],
        [(own, 7)],
        sorted([(own, 7), (other, 7)]),
    ]


@transaction.atomic
def write_together(*batches: dict[str, Sequence[Any]]) -> None:
    with together():
        for columns in batches:
            insert(Event, columns)


def test_of_writes_together_a_refused_one_undoes_all(cast: Cast) -> None:
    columns = events(cast, "a")
    with pytest.raises(IntegrityError):
        write_together(columns, {**columns, "event_id": ["b"]}, events(cast, "c"))
    assert not Event.objects.exists()


def test_a_post_takes_as_many_statements_to_fifty_destinations_as_to_one(cast: Cast) -> None:
    numbers = []
    for number in (1, 49):
        for _ in range(number):
            cast.destination("https://example.com/hook")
        with CaptureQueriesContext(connection) as queries:
            store([make_post(cast.token, cast.account, f"e{number}", b"{}")])
        numbers.append(len(queries))
    assert numbers[0] == numbers[1]
    assert Delivery.objects.count() == 51
