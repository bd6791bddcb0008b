"""Deliveries over REST."""

from typing import Any
from urllib.parse import quote

import pytest

from apps.deliveries.models import Delivery
from apps.destinations.models import Destination
from apps.destinations.services import pause
from apps.logs.models import Log
from tests.api.test_logs import ids, queries
from tests.cast import Cast
from tests.rest import Rest
from tests.writing import BROKEN, GOOD, deliver, post


@pytest.fixture
def destination(cast: Cast) -> Destination:
    return cast.destination("https://example.com/hook", retry_schedule=[60])


@pytest.fixture
def delivered(cast: Cast, destination: Destination) -> Destination:
    """e0 arrived, e1 waits for its second try, e2 gave up, e3 was not tried yet."""
    post(cast, b"[0]", b"[1]", b"[2]")
    deliver(GOOD, BROKEN, BROKEN)
    ended: dict[str, Any] = {"status": "failed", "reason": "tries_ended", "next_attempt_at": None}
    Delivery.objects.filter(event__event_id="e2").update(**ended)
    post(cast, b"[3]", first=3)
    return destination


def of(cast: Cast, query: str = "") -> str:
    return f"accounts/{cast.account.pk}/deliveries/{query}"


def test_what_is_shown(cast: Cast, delivered: Destination) -> None:
    row = Rest(cast.alice).get(of(cast, "?event_id=e1")).body["results"][0]
    delivery = Delivery.objects.get(event__event_id="e1")
    assert (row["id"], row["event"], row["event_id"]) == (str(delivery.pk), str(delivery.event_id), "e1")
    assert (row["status"], row["reason"], row["attempts"], row["max_attempts"]) == ("pending", "", 1, 2)
    assert (row["held"], row["replay_of"], row["destination_id"]) == (False, None, str(delivered.pk))
    assert row["next_attempt_at"] > row["created_at"]
    assert Rest(cast.alice).get(f"deliveries/{row['id']}/").body == row


@pytest.mark.parametrize("who", ["alice", "bob"])
def test_every_member_reads_and_for_a_stranger_nothing_exists(cast: Cast, delivered: Destination, who: str) -> None:
    rest, charlie, delivery = Rest(getattr(cast, who)), Rest(cast.charlie), Delivery.objects.first()
    assert delivery is not None
    for path in (of(cast), f"deliveries/{delivery.pk}/"):
        assert (rest.get(path).status, charlie.get(path).status, Rest().get(path).status) == (200, 404, 401)
    Rest(cast.alice).delete(f"accounts/{cast.account.pk}/")
    assert rest.get(of(cast)).status == rest.get(f"deliveries/{delivery.pk}/").status == 404


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("status=pending", {"e1", "e3"}),
        ("status=success", {"e0"}),
        ("status=cancelled", set()),
        ("reason=tries_ended", {"e2"}),
        ("reason=by_person", set()),
        ("event_id=e2", {"e2"}),
        ("created_at_after=2020-01-01T00:00:00Z", {"e0", "e1", "e2", "e3"}),
        ("created_at_before=2020-01-01T00:00:00Z", set()),
        ("next_attempt_at_after=2020-01-01T00:00:00Z", {"e1", "e3"}),
        ("next_attempt_at_before=2020-01-01T00:00:00Z", set()),
        ("destination_id=01900000-0000-7000-8000-000000000000", set()),
    ],
)
def test_filters(cast: Cast, delivered: Destination, query: str, found: set[str]) -> None:
    assert set(ids(Rest(cast.alice).get(of(cast, f"?{query}")))) == found


def test_a_destination_an_event_and_exact_times_are_found(cast: Cast, delivered: Destination) -> None:
    row = Delivery.objects.get(event__event_id="e1")
    assert row.next_attempt_at is not None
    due, made = quote(row.next_attempt_at.isoformat()), quote(row.created_at.isoformat())
    for query in (f"event={row.event_id}", f"next_attempt_at={due}", f"created_at={made}&event_id=e1"):
        assert ids(Rest(cast.alice).get(of(cast, f"?{query}"))) == ["e1"]
    assert len(ids(Rest(cast.alice).get(of(cast, f"?destination_id={delivered.pk}")))) == 4


@pytest.mark.parametrize(
    "query", ["status=gone", "reason=x", "event=1", "destination_id=", "created_at_after=1", "ordering=status", "search=x"]
)
def test_what_is_malformed_or_unknown_is_named(cast: Cast, delivered: Destination, query: str) -> None:
    answer = Rest(cast.alice).get(of(cast, f"?{query}"))
    assert (answer.status, list(answer.body["details"])) == (400, [query.split("=", maxsplit=1)[0]])


def test_what_waits_for_a_paused_destination_is_shown_as_held(cast: Cast, delivered: Destination) -> None:
    alice, path = Rest(cast.alice), f"deliveries/{Delivery.objects.get(event__event_id='e3').pk}/"
    before = alice.get(path)
    pause(destination=delivered, by=cast.admin)
    after = alice.get(path, If_None_Match=before.headers["etag"])
    assert (before.body["held"], after.status, after.body["held"]) == (False, 200, True)
    assert [row["held"] for row in alice.get(of(cast, "?status=success")).body["results"]] == [False]


def test_pages_hold_each_once(cast: Cast, destination: Destination) -> None:
    alice, path, seen = Rest(cast.alice), of(cast, "?page_size=3"), list[str]()
    post(cast, *[b"[]"] * 7)
    while path:
        page = alice.get(path)
        seen += ids(page)
        path = (page.body["next"] or "/api/v1/").split("/api/v1/")[1]
    assert sorted(seen) == [f"e{number}" for number in range(7)]


def test_the_number_of_queries_is_constant(cast: Cast, destination: Destination) -> None:
    alice = Rest(cast.alice)
    post(cast, b"[]")
    one = queries(alice, of(cast))
    post(cast, *[b"[]"] * 49, first=1)
    assert queries(alice, of(cast)) == one
    assert not Log.objects.exists()
