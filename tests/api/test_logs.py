"""Logs over REST: who may read them, filters, search, order, pages."""

import re
from dataclasses import replace
from urllib.parse import quote

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from apps.deliveries.request import Error, Outcome, Phases
from apps.destinations.models import Destination
from apps.destinations.services import delete_destination
from apps.logs.models import Log
from tests.cast import Cast
from tests.rest import Answer, Rest
from tests.writing import BROKEN, GOOD, TIMEOUT, deliver, post


@pytest.fixture
def destination(cast: Cast) -> Destination:
    return cast.destination("https://example.com/hook")


@pytest.fixture
def tried(cast: Cast, destination: Destination) -> Destination:
    """e0 was answered 200, e1 503, e2 not in time."""
    post(cast, b'{"city": "Pune"}', b'{"city": "Oslo"}', b'{"city": "Kyoto", "total": 1.10}')
    deliver(GOOD, BROKEN, TIMEOUT)
    return destination


def of(cast: Cast, query: str = "") -> str:
    return f"accounts/{cast.account.pk}/logs/{query}"


def ids(answer: Answer) -> list[str]:
    assert answer.status == 200, answer.body
    return [row["event_id"] for row in answer.body["results"]]


def test_the_newest_stands_first_and_is_the_object_of_the_socket(cast: Cast, tried: Destination) -> None:
    answer = Rest(cast.alice).get(of(cast))
    assert [row["cursor"] for row in answer.body["results"]] == [3, 2, 1]
    first = answer.body["results"][2]
    assert (first["status"], first["error"], first["response_status"], first["latency_ms"]) == ("success", "", 200, 12)
    assert (first["received_data"], first["destination_id"]) == ({"city": "Pune"}, str(tried.pk))
    assert Rest(cast.alice).get(f"logs/{first['id']}/").body == first


def test_a_try_tells_where_its_time_went(cast: Cast, destination: Destination) -> None:
    post(cast, b"{}", b"{}", b"{}", b"{}")
    anew = {"dns_ms": 2, "connect_ms": 9, "tls_ms": 31, "first_byte_ms": 1162}
    kept = {"dns_ms": None, "connect_ms": None, "tls_ms": None, "first_byte_ms": 34}
    unknown = dict.fromkeys(anew)
    deliver(replace(GOOD, phases=Phases(**anew)), replace(GOOD, phases=Phases(**kept)), TIMEOUT, Outcome(Error.URL_TOO_LONG))
    rows = Rest(cast.alice).get(of(cast, "?ordering=cursor")).body["results"]
    assert [row["timings"] for row in rows] == [anew, kept, unknown, unknown]


@pytest.mark.parametrize("who", ["alice", "bob"])
def test_every_member_reads_and_for_a_stranger_nothing_exists(cast: Cast, tried: Destination, who: str) -> None:
    rest, charlie, log = Rest(getattr(cast, who)), Rest(cast.charlie), Log.objects.first()
    assert log is not None
    for path in (of(cast), f"logs/{log.pk}/"):
        assert (rest.get(path).status, charlie.get(path).status, Rest().get(path).status) == (200, 404, 401)
    assert charlie.get(f"accounts/{cast.other.pk}/logs/").body["results"] == []


def test_logs_of_a_deleted_account_are_gone_at_once_of_a_deleted_destination_not(cast: Cast, tried: Destination) -> None:
    alice, log = Rest(cast.alice), Log.objects.get(cursor=1)
    delete_destination(destination=tried, by=cast.admin)
    assert len(ids(alice.get(of(cast, f"?destination_id={tried.pk}")))) == 3
    assert alice.delete(f"accounts/{cast.account.pk}/").status == 204
    assert alice.get(of(cast)).status == alice.get(f"logs/{log.pk}/").status == 404


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("status=failed", ["e2", "e1"]),
        ("status=success", ["e0"]),
        ("error=timeout", ["e2"]),
        ("error=tls_failed", []),
        ("response_status=503", ["e1"]),
        ("response_status=200", ["e0"]),
        ("late=false", ["e2", "e1", "e0"]),
        ("late=true", []),
        ("attempt=1", ["e2", "e1", "e0"]),
        ("attempt=2", []),
        ("event_id=e1", ["e1"]),
        ("event_id=nobody", []),
        ("cursor=2", ["e1"]),
        ("cursor_after=1&cursor_before=3", ["e1"]),
        ("processed_timestamp_before=2020-01-01", []),
        ("processed_timestamp_after=2020-01-01T00:00:00Z", ["e2", "e1", "e0"]),
        ("received_timestamp_after=2020-01-01T00:00:00%2B05:30&status=success", ["e0"]),
        ("received_timestamp=2020-01-01T00:00:00Z", []),
        ("ordering=cursor", ["e0", "e1", "e2"]),
        ("destination_id=01900000-0000-7000-8000-000000000000", []),
    ],
)
def test_filters(cast: Cast, tried: Destination, query: str, found: list[str]) -> None:
    assert ids(Rest(cast.alice).get(of(cast, f"?{query}"))) == found


@pytest.mark.parametrize("order", ["cursor", "processed_timestamp", "received_timestamp"])
def test_orders_go_both_ways_in_pages(cast: Cast, tried: Destination, order: str) -> None:
    alice = Rest(cast.alice)
    for sign in ("", "-"):
        whole = ids(alice.get(of(cast, f"?ordering={sign}{order}")))
        first = alice.get(of(cast, f"?ordering={sign}{order}&page_size=2"))
        rest = alice.get(first.body["next"].split("/api/v1/")[1])
        assert ids(first) + ids(rest) == whole
        assert ids(alice.get(rest.body["previous"].split("/api/v1/")[1])) == whole[:2]


def test_an_exact_time_an_event_and_a_delivery_are_found(cast: Cast, tried: Destination) -> None:
    alice, log = Rest(cast.alice), Log.objects.get(cursor=2)
    moment = quote(log.processed_timestamp.isoformat())
    for query in (f"event={log.event_id}", f"delivery_id={log.delivery_id}"):
        assert ids(alice.get(of(cast, f"?{query}"))) == ["e1"]
    assert ids(alice.get(of(cast, f"?processed_timestamp={moment}"))) == ["e1"]


@pytest.mark.parametrize(
    "query",
    [
        *("status=bad", "error=bad", "error=", "response_status=x", "response_status=-1", "late=1", "attempt=1.5"),
        *(
            "destination_id=1",
            "event=x",
            "delivery_id=%00",
            "event_id=%00",
            "cursor=1e3",
            "cursor=%C2%B2",
            "cursor=" + "9" * 19,
        ),
        *(
            "cursor_after=99999999999999999999",
            "processed_timestamp=yesterday",
            "received_timestamp_after=9999-12-31T23:59:59-23:59",
        ),
        *("ordering=status", "ordering=id", "page_size=201", "page_size=0", "colour=red", "search=%00", "search=" + "x" * 201),
    ],
)
def test_what_is_malformed_or_unknown_is_named(cast: Cast, tried: Destination, query: str) -> None:
    answer = Rest(cast.alice).get(of(cast, f"?{query}"))
    assert (answer.status, list(answer.body["details"])) == (400, [query.split("=", maxsplit=1)[0]])


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("pune", ["e0"]),
        ("KYO", ["e2"]),
        ("city", ["e2", "e1", "e0"]),
        ("city osl", ["e1"]),
        ("1.1", ["e2"]),
        ("e1", ["e1"]),
        ("une", []),
        ("timeout", ["e2"]),
        ("http stat", ["e1"]),
        ("…", []),
        ("'; DROP TABLE logs_log; --", []),
        ("a:* & !b | (c <-> d) \\ ''", []),
        ("%", []),
        ("é" * 200, []),
    ],
    ids=range(14),
)
def test_search(cast: Cast, tried: Destination, text: str, found: list[str]) -> None:
    assert ids(Rest(cast.alice).get(of(cast, f"?search={quote(text)}"))) == found


def test_a_word_of_an_error_and_of_a_payload_is_one_list_in_pages(cast: Cast, tried: Destination) -> None:
    alice = Rest(cast.alice)
    post(cast, *[b'["timeout"]'] * 3, first=3)
    deliver(GOOD, TIMEOUT, GOOD)
    whole = ids(alice.get(of(cast, "?search=timeout")))
    assert whole == ["e5", "e4", "e3", "e2"]
    page = alice.get(of(cast, "?search=timeout&page_size=3"))
    assert ids(page) + ids(alice.get(page.body["next"].split("/api/v1/")[1])) == whole


@pytest.mark.parametrize("size", [4096, 4097, 1_000_000])
def test_large_data_is_a_head_in_lists_and_whole_in_its_place(cast: Cast, destination: Destination, size: int) -> None:
    body = b'["' + b"x" * (size - 4) + b'"]'
    post(cast, body)
    deliver(GOOD)
    alice = Rest(cast.alice)
    (row,) = alice.get(of(cast)).body["results"]
    assert row.get("received_data_head") == (body[:4096].decode() if size > 4096 else None)
    assert (row["received_data"] is None) is (size > 4096)
    assert alice.get(f"logs/{row['id']}/").body["received_data"] == ["x" * (size - 4)]


def test_numbers_keep_their_digits(cast: Cast, destination: Destination) -> None:
    post(cast, b'{"n": 1.10, "big": 123456789012345678901234567890}')
    deliver(GOOD)
    log = Log.objects.get()
    for path in (of(cast), f"logs/{log.pk}/"):
        raw = Rest(cast.alice).raw("GET", path).content
        assert re.search(rb'"n": 1.10, "big": 123456789012345678901234567890', raw)


def queries(rest: Rest, path: str) -> int:
    with CaptureQueriesContext(connection) as seen:
        assert rest.get(path).status == 200
    return len(seen)


@pytest.mark.parametrize("query", ["", "?search=timeout", "?event_id=e0", "?status=failed"])
def test_the_number_of_queries_is_constant(cast: Cast, destination: Destination, query: str) -> None:
    alice = Rest(cast.alice)
    post(cast, b'["timeout"]')
    deliver(TIMEOUT)
    one = queries(alice, of(cast, query))
    post(cast, *[b'["timeout"]'] * 49, first=1)
    deliver(TIMEOUT)
    assert queries(alice, of(cast, query)) == one


def test_a_log_never_changes_so_its_etag_spares_the_body(cast: Cast, tried: Destination) -> None:
    alice, log = Rest(cast.alice), Log.objects.get(cursor=1)
    etag = alice.get(f"logs/{log.pk}/").headers["etag"]
    assert alice.get(f"logs/{log.pk}/", If_None_Match=etag).status == 304
