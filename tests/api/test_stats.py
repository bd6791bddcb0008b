"""Stats: from tallies and what is not tallied yet, the same whoever has tallied how much."""

from typing import Any
from urllib.parse import quote, urlencode

import pytest
from django.core.cache import cache
from django.db import connection

from apps.accounts.models import Member
from apps.common.ids import uuid7
from apps.destinations.models import Destination
from apps.logs import services
from apps.logs.models import Log, Tallied, Tally
from apps.logs.services import roll_up
from tests.api.test_logs import queries
from tests.cast import Cast
from tests.consumers.writing import write_logs
from tests.rest import Rest
from tests.together import together
from tests.writing import ago


@pytest.fixture
def destination(cast: Cast) -> Destination:
    return cast.destination("https://example.com/hook")


def stats(cast: Cast, **given: Any) -> dict[str, Any]:
    answer = Rest(cast.alice).get(f"accounts/{cast.account.pk}/stats/?{urlencode(given)}")
    assert answer.status == 200, answer.body
    body: dict[str, Any] = answer.body
    return body


def test_without_tries_there_is_nothing_to_divide(cast: Cast) -> None:
    found = stats(cast)
    assert (found["success"], found["failed"], found["success_rate"], found["destinations"]) == (0, 0, None, [])
    assert found["latency_ms"] == {"p50": None, "p95": None, "p99": None}


def test_tries_are_counted_for_all_and_for_each_destination(cast: Cast, destination: Destination) -> None:
    other = cast.destination("https://example.com/other")
    write_logs(destination, 3)
    write_logs(other, 1, status="failed")
    found = stats(cast)
    assert (found["success"], found["failed"], found["success_rate"], found["behind"]) == (3, 1, 0.75, 0)
    each = {row["destination_id"]: (row["success"], row["failed"]) for row in found["destinations"]}
    assert each == {str(destination.pk): (3, 0), str(other.pk): (0, 1)}
    assert found["latency_ms"] == {"p50": 7, "p95": 7, "p99": 7}


def test_tallied_or_not_the_answer_is_the_same(cast: Cast, destination: Destination) -> None:
    write_logs(destination, 5)
    day = {"processed_timestamp_after": ago(hours=24).isoformat(), "processed_timestamp_before": ago(hours=-1).isoformat()}
    before = stats(cast, **day)
    assert (roll_up(), roll_up()) == (5, 0)
    assert stats(cast, **day) == before
    write_logs(destination, 2, status="failed")
    assert (stats(cast)["success"], stats(cast)["failed"]) == (5, 2)
    roll_up()
    assert (stats(cast)["success"], stats(cast)["failed"]) == (5, 2)


def test_a_range_is_exact_to_the_minute(cast: Cast, destination: Destination) -> None:
    write_logs(destination, 4)
    for cursor, moment in enumerate([ago(days=3), ago(hours=30), ago(minutes=90), ago(minutes=5)], 1):
        Log.objects.filter(cursor=cursor).update(processed_timestamp=moment)
    roll_up()
    given = [ago(days=4), ago(days=2), ago(hours=10), ago(minutes=10), ago(minutes=1)]
    assert [stats(cast, processed_timestamp_after=moment.isoformat())["success"] for moment in given] == [4, 3, 2, 1, 0]
    assert stats(cast, processed_timestamp_before=ago(hours=1).isoformat())["success"] == 1


@pytest.mark.parametrize(
    ("given", "name"),
    [
        ({"processed_timestamp_after": "x"}, "processed_timestamp_after"),
        ({"processed_timestamp_before": ""}, "processed_timestamp_before"),
        ({"processed_timestamp_after": "2999-01-01T00:00:00Z"}, "processed_timestamp_after"),
        ({"processed_timestamp_after": "2020-01-01T00:00:00Z"}, "processed_timestamp_after"),
        ({"from": "1"}, "from"),
        ({"cursor": "1"}, "cursor"),
    ],
)
def test_what_is_malformed_unknown_or_too_long_is_named(cast: Cast, given: dict[str, str], name: str) -> None:
    answer = Rest(cast.alice).get(f"accounts/{cast.account.pk}/stats/?{urlencode(given)}")
    assert (answer.status, list(answer.body["details"])) == (400, [name])


def test_the_first_and_the_last_year_that_a_filter_takes(cast: Cast) -> None:
    edges = {"processed_timestamp_after": "1970-01-01T00:00:00Z", "processed_timestamp_before": "1970-01-02T00:00:00Z"}
    assert stats(cast, **edges)["success"] == 0
    assert stats(cast, processed_timestamp_before="1970-01-01T00:00:00Z")["success"] == 0
    assert stats(cast, processed_timestamp_before="9998-12-31T23:59:59.5Z")["success"] == 0


def test_every_member_reads_and_for_a_stranger_nothing_exists(cast: Cast) -> None:
    path = f"accounts/{cast.account.pk}/stats/"
    people = [cast.alice, cast.bob, cast.charlie, None]
    assert [Rest(person).get(path).status for person in people] == [200, 200, 404, 401]
    Rest(cast.alice).delete(f"accounts/{cast.account.pk}/")
    assert Rest(cast.bob).get(path).status == 404


def test_workers_share_the_tallying_and_one_that_dies_changes_nothing(
    cast: Cast, destination: Destination, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_logs(destination, 60)
    write_logs(cast.destination("https://example.com/other"), 60)
    monkeypatch.setitem(services._LOGS_AT_ONCE, connection.vendor, 10)

    def die(_: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(services, "_add", die)
        with pytest.raises(KeyboardInterrupt):
            roll_up()
    assert not Tallied.objects.exists()
    together(4, lambda _: [roll_up() for _ in range(20)])
    assert (stats(cast)["success"], Tallied.objects.get().cursor) == (120, 120)
    assert sum(Tally.objects.filter(span_s=60).values_list("count", flat=True)) == 120


def test_logs_that_were_purged_before_are_passed(cast: Cast, destination: Destination, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(services._LOGS_AT_ONCE, connection.vendor, 3)
    write_logs(destination, 10)
    Log.objects.filter(cursor__lte=8).delete()
    assert [roll_up() for _ in range(5)] == [3, 3, 3, 1, 0]
    assert stats(cast)["success"] == 2


def test_more_than_an_answer_may_read_is_told(cast: Cast, destination: Destination, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("apps.logs.selectors._TAIL_MAX", 4)
    write_logs(destination, 10)
    assert (stats(cast)["success"], stats(cast)["behind"]) == (4, 6)


def test_the_number_of_queries_is_constant(cast: Cast, destination: Destination) -> None:
    alice, path = Rest(cast.alice), f"accounts/{cast.account.pk}/stats/"
    write_logs(destination)
    one = queries(alice, path)
    for number in range(20):
        write_logs(cast.destination(f"https://example.com/{number}"), 5)
    assert queries(alice, path) == one
    roll_up()
    cache.clear()
    assert queries(alice, path) == one


def test_asked_again_it_costs_one_cheap_query_and_says_the_same(cast: Cast, destination: Destination) -> None:
    alice, path = Rest(cast.alice), f"accounts/{cast.account.pk}/stats/?processed_timestamp_before=2999-01-01T00:00:00Z"
    path += f"&processed_timestamp_after={quote('2998-12-25T00:00:00Z')}"
    write_logs(destination, 3)
    first = alice.raw("GET", path).content
    # The sign-in, the membership, the newest log. Tests that run beside this one may empty the Redis that they share.
    assert min(queries(alice, path) for _ in range(5)) == 3
    assert alice.raw("GET", path).content == first


def test_what_is_kept_is_never_stale(cast: Cast, destination: Destination) -> None:
    for number in range(1, 4):
        write_logs(destination)
        assert [stats(cast)["success"] for _ in range(2)] == [number, number]
    newest = Log.objects.get(cursor=3)
    Log.objects.filter(pk=newest.pk).delete()  # a database that was put back: the cursor comes again, with another log
    newest.pk, newest.status = uuid7(), "failed"
    newest.save(force_insert=True)
    assert (stats(cast)["success"], stats(cast)["failed"]) == (2, 1)
    Member.objects.filter(user=cast.bob).delete()
    assert Rest(cast.bob).get(f"accounts/{cast.account.pk}/stats/").status == 404
