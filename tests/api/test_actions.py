"""Replay and cancel over REST: who may, what is answered, and that nothing else changes."""

from typing import Any
from uuid import uuid4

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from apps.deliveries.api.serializers import DeliverySerializer
from apps.deliveries.claims import claim_due
from apps.deliveries.models import Delivery
from apps.destinations.models import Destination
from apps.events.models import Event
from apps.ingest.batch import store
from tests.browsing import everything
from tests.cast import Cast, make_destination
from tests.events import make_post
from tests.rest import Rest


@pytest.fixture
def destination(cast: Cast) -> Destination:
    return cast.destination("https://example.com/hook")


@pytest.fixture
def event(cast: Cast, destination: Destination) -> Event:
    store([make_post(cast.token, cast.account, "e1", b"{}")])
    return Event.objects.get()


def test_a_replay_answers_with_the_new_deliveries_and_stands_in_the_history(
    cast: Cast, event: Event, destination: Destination
) -> None:
    alice = Rest(cast.alice)
    first = Delivery.objects.get()
    made = alice.post(f"events/{event.pk}/replay/", {"destination_id": str(destination.pk)})
    (data,) = made.body["data"]
    assert (made.status, set(data)) == (201, set(DeliverySerializer().fields))
    assert (data["event"], data["event_id"], data["replay_of"]) == (str(event.pk), "e1", str(first.pk))
    assert (data["status"], data["held"], data["attempts"], data["max_attempts"]) == ("pending", False, 0, 10)
    (entry, *_) = alice.get(f"accounts/{cast.account.pk}/audit/").body["results"]
    assert (entry["action"], entry["after"]) == ("event.replayed", {"destination_id": str(destination.pk), "deliveries": 1})


def test_the_replays_of_an_event_are_a_page(cast: Cast, event: Event) -> None:
    made = Rest(cast.alice).post(f"events/{event.pk}/replay/").body["data"]
    page = Rest(cast.bob).get(f"events/{event.pk}/replay/")
    assert (page.status, page.body) == (200, {"next": None, "previous": None, "results": made})


def test_a_second_replay_is_a_conflict_that_names_the_destination(cast: Cast, event: Event, destination: Destination) -> None:
    alice = Rest(cast.alice)
    alice.post(f"events/{event.pk}/replay/")
    before = everything()
    answer = alice.post(f"events/{event.pk}/replay/")
    assert (answer.status, answer.body["message"]) == (409, "Conflict")
    assert str(destination.pk) in answer.body["details"]["reason"][0]
    assert everything() == before


@pytest.mark.parametrize("given", ["unknown", "foreign", "never had it", "nonsense", 7, [], "\0", "colour"])
def test_a_destination_that_is_none_of_the_events_is_a_bad_field(cast: Cast, event: Event, given: Any) -> None:
    known = {
        "unknown": str(uuid4()),
        "foreign": str(make_destination(cast.other.members.get(), "https://example.com/x").pk),
        "never had it": str(cast.destination("https://example.com/later").pk),
    }
    field = "colour" if given == "colour" else "destination_id"
    value = known.get(given, given) if isinstance(given, str) else given
    alice = Rest(cast.alice)
    before = everything()
    answer = alice.post(f"events/{event.pk}/replay/", {field: value})
    assert (answer.status, list(answer.body["details"])) == (400, [field])
    assert everything() == before


def test_cancel_answers_with_the_delivery_and_once(cast: Cast, event: Event) -> None:
    alice, delivery = Rest(cast.alice), Delivery.objects.get()
    claim_due(10)
    answer = alice.post(f"deliveries/{delivery.pk}/cancel/")
    assert (answer.status, answer.body["data"]["status"], answer.body["data"]["reason"]) == (200, "cancelled", "by_person")
    before = everything()
    assert alice.post(f"deliveries/{delivery.pk}/cancel/").status == 409
    assert everything() == before


@pytest.mark.parametrize("what", ["replay", "cancel", "test"])
def test_only_an_admin_may_and_for_a_stranger_it_does_not_exist(
    cast: Cast, event: Event, destination: Destination, what: str
) -> None:
    delivery = Delivery.objects.get()
    paths = {
        "replay": f"events/{event.pk}/replay/",
        "cancel": f"deliveries/{delivery.pk}/cancel/",
        "test": f"destinations/{destination.pk}/test/",
    }
    bob, charlie = Rest(cast.bob), Rest(cast.charlie)
    before = everything()
    assert bob.post(paths[what]).status == 403
    assert bob.post(paths[what], {"colour": 1}).status == 403
    assert charlie.post(paths[what]).status == 404
    assert Rest().post(paths[what]).status == 401
    assert charlie.get(f"events/{event.pk}/replay/").status == 404
    assert everything() == before


def test_a_page_of_replays_costs_the_same_at_1_and_at_50(cast: Cast, event: Event) -> None:
    alice, first = Rest(cast.alice), Delivery.objects.get()
    costs = []
    for number in (1, 50):
        Delivery.objects.bulk_create(
            Delivery(
                account=cast.account,
                event=event,
                destination_id=first.destination_id,
                replay_of=first.pk,
                status="success",
                next_attempt_at=None,
            )
            for _ in range(number)
        )
        with CaptureQueriesContext(connection) as queries:
            alice.get(f"events/{event.pk}/replay/?page_size=200")
        costs.append(len(queries))
    assert costs[0] == costs[1]
