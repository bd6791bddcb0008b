"""Events over REST, and one of them with what became of it."""

from urllib.parse import quote

import pytest

from apps.common.ids import uuid7
from apps.destinations.models import Destination
from apps.events.models import Event
from apps.logs.models import Log
from tests.api.test_logs import ids, queries
from tests.cast import Cast
from tests.rest import Rest
from tests.writing import BROKEN, GOOD, deliver, post


@pytest.fixture
def destination(cast: Cast) -> Destination:
    return cast.destination("https://example.com/hook")


@pytest.fixture
def posted(cast: Cast, destination: Destination) -> Event:
    """The first of three."""
    post(cast, b'{"city": "Pune", "n": 1.10}', b'{"city": "Oslo"}', b'{"city": "Kyoto", "note": "longer"}')
    return Event.objects.get(event_id="e0")


def of(cast: Cast, query: str = "") -> str:
    return f"accounts/{cast.account.pk}/events/{query}"


def test_the_newest_stands_first(cast: Cast, posted: Event) -> None:
    answer = Rest(cast.alice).get(of(cast))
    assert sorted(ids(answer)) == ["e0", "e1", "e2"]
    row = next(row for row in answer.body["results"] if row["id"] == str(posted.pk))
    assert (row["received_data"], row["size"], row["account_id"]) == ({"city": "Pune", "n": 1.1}, 27, str(cast.account.pk))
    assert row["received_timestamp"].endswith("Z")


@pytest.mark.parametrize("who", ["alice", "bob"])
def test_every_member_reads_and_for_a_stranger_nothing_exists(cast: Cast, posted: Event, who: str) -> None:
    rest, charlie = Rest(getattr(cast, who)), Rest(cast.charlie)
    for path in (of(cast), f"events/{posted.pk}/"):
        assert (rest.get(path).status, charlie.get(path).status, Rest().get(path).status) == (200, 404, 401)
    assert rest("DELETE", f"events/{posted.pk}/").status == 405


def test_events_of_a_deleted_account_are_gone_at_once(cast: Cast, posted: Event) -> None:
    alice = Rest(cast.alice)
    assert alice.delete(f"accounts/{cast.account.pk}/").status == 204
    assert alice.get(of(cast)).status == alice.get(f"events/{posted.pk}/").status == 404


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("event_id=e1", {"e1"}),
        ("size=27", {"e0"}),
        ("size_after=27", {"e2"}),
        ("size_before=27", {"e1"}),
        ("received_timestamp_after=2020-01-01T00:00:00Z", {"e0", "e1", "e2"}),
        ("received_timestamp_before=2020-01-01T00:00:00Z", set()),
        ("search=osl", {"e1"}),
        ("search=city%20longer", {"e2"}),
        ("search=e2", {"e2"}),
        ("search=1.1", {"e0"}),
        ("search=", {"e0", "e1", "e2"}),
        ("search=timeout", set()),
    ],
)
def test_filters_and_search(cast: Cast, posted: Event, query: str, found: set[str]) -> None:
    assert set(ids(Rest(cast.alice).get(of(cast, f"?{query}")))) == found


def test_an_exact_time_is_found(cast: Cast, posted: Event) -> None:
    moment = quote(posted.received_timestamp.isoformat())
    assert "e0" in ids(Rest(cast.alice).get(of(cast, f"?received_timestamp={moment}")))


@pytest.mark.parametrize(
    "query", ["size=x", "size_after=-1", "event_id=%00", "received_timestamp=x", "status=failed", "cursor=5"]
)
def test_what_is_malformed_or_unknown_is_named(cast: Cast, posted: Event, query: str) -> None:
    answer = Rest(cast.alice).get(of(cast, f"?{query}"))
    assert (answer.status, list(answer.body["details"])) == (400, [query.split("=", maxsplit=1)[0]])


def test_an_event_is_shown_with_its_deliveries_and_their_tries(cast: Cast, posted: Event, destination: Destination) -> None:
    deliver(BROKEN)
    answer = Rest(cast.alice).get(f"events/{posted.pk}/").body
    (delivery,) = answer["deliveries"]
    (tried,) = delivery["logs"]
    assert (delivery["status"], delivery["destination_id"], delivery["attempts"]) == ("pending", str(destination.pk), 1)
    assert (tried["error"], tried["delivery_id"], answer["deliveries_total"]) == ("http_status", delivery["id"], 1)
    assert "received_data" not in tried
    assert b'"n": 1.10' in Rest(cast.alice).raw("GET", f"events/{posted.pk}/").content


def test_data_of_any_size_is_whole_in_its_place(cast: Cast) -> None:
    post(cast, b'["' + b"x" * 1_000_000 + b'"]')
    (row,) = Rest(cast.alice).get(of(cast)).body["results"]
    assert (row["received_data"], len(row["received_data_head"])) == (None, 4096)
    assert Rest(cast.alice).get(f"events/{row['id']}/").body["received_data"] == ["x" * 1_000_000]


def test_what_one_answer_holds_is_bounded(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("apps.deliveries.selectors.DELIVERIES_OF_EVENT_MAX", 2)
    monkeypatch.setattr("apps.deliveries.selectors.TRIES_OF_DELIVERY_MAX", 1)
    for number in range(3):
        cast.destination(f"https://example.com/{number}")
    post(cast, b"[]")
    deliver(GOOD)
    again = Log.objects.get(cursor=1)
    again.pk, again.cursor = uuid7(), 4
    again.save(force_insert=True)
    answer = Rest(cast.alice).get(f"events/{Event.objects.get().pk}/").body
    assert (len(answer["deliveries"]), answer["deliveries_total"]) == (2, 3)
    assert [len(delivery["logs"]) for delivery in answer["deliveries"]] == [1, 1]


def test_the_etag_changes_with_what_becomes_of_it(cast: Cast, posted: Event) -> None:
    alice, path = Rest(cast.alice), f"events/{posted.pk}/"
    etag = alice.get(path).headers["etag"]
    assert alice.get(path, If_None_Match=etag).status == 304
    deliver(BROKEN)
    assert alice.get(path, If_None_Match=etag).status == 200


def test_the_number_of_queries_is_constant(cast: Cast) -> None:
    alice = Rest(cast.alice)
    cast.destination("https://example.com/0")
    post(cast, b'["word"]')
    deliver(BROKEN)
    one = Event.objects.get()
    before = [queries(alice, path) for path in (of(cast), of(cast, "?search=word"), f"events/{one.pk}/")]
    for number in range(1, 30):
        cast.destination(f"https://example.com/{number}")
    post(cast, *[b'["word"]'] * 49, first=1)
    deliver(BROKEN)
    many = Event.objects.get(event_id="e49")
    assert [queries(alice, path) for path in (of(cast), of(cast, "?search=word"), f"events/{many.pk}/")] == before
