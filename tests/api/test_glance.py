"""At a glance: numbers, their course, the ledger, and who is not well."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import transaction
from django.test import Client

from apps.destinations.models import Destination
from apps.destinations.services import disable, pause
from apps.logs.models import Flow, Slip, Tally
from apps.logs.services import book, roll_up
from tests.api.test_logs import queries
from tests.browsing import sign_in
from tests.cast import Cast
from tests.rest import Rest
from tests.writing import BROKEN, GOOD, ago, deliver, post


@pytest.fixture
def destination(cast: Cast) -> Destination:
    return cast.destination("https://example.com/hook")


def count() -> None:
    book()
    roll_up()


def glance(cast: Cast, query: str = "") -> dict[str, Any]:
    answer = Rest(cast.bob).get(f"accounts/{cast.account.pk}/glance/{query}")
    assert answer.status == 200, answer.body
    body: dict[str, Any] = answer.body
    return body


def test_before_anything_came_all_is_nothing(cast: Cast) -> None:
    found = glance(cast)
    assert (found["span"], len(found["steps"]), found["destinations"]) == ("15m", 15, [])
    assert set(found["ledger"].values()) == {0}
    assert (found["tries"]["success_rate"], found["oldest_waiting"]) == (None, None)


def test_the_ledger_and_the_steps_tell_what_happened(cast: Cast, destination: Destination) -> None:
    post(cast, b"{}", b"{}", b"{}")
    deliver(GOOD, GOOD, BROKEN)
    count()
    found = glance(cast, f"?destination_id={destination.pk}")
    assert found["ledger"] == {"accepted": 3, "delivered": 2, "waiting": 1, "failed": 0, "cancelled": 0}
    assert sum(step["success"] + step["failed"] for step in found["steps"]) == 3
    assert (found["steps"][-1]["waiting"], found["steps"][0]["waiting"]) == (1, 0)
    assert (found["tries"]["success_rate"], found["oldest_waiting"] is None) == (0.666667, False)


def test_a_page_with_a_long_list_asks_less_often(cast: Cast, destination: Destination) -> None:
    page = f"/accounts/{cast.account.pk}/live/"
    assert b'data-anew="5"' in sign_in(cast.bob).get(page).content
    for number in range(119):
        cast.destination(f"https://example.com/{number}")
    assert b'data-anew="12"' in sign_in(cast.bob).get(page).content


def test_events_are_counted_once_however_many_destinations_they_have(cast: Cast, destination: Destination) -> None:
    cast.destination("https://example.com/other")
    post(cast, b"{}", b"{}")
    count()
    found = glance(cast, "?span=day")
    steps = sum(step["accepted_per_s"] > 0 for step in found["steps"])
    assert (found["ledger"]["accepted"], found["step_s"], len(found["steps"]), steps) == (4, 3600, 24, 1)
    assert Flow.objects.filter(span_s=3600, accepted=2).count() == 3


def test_what_waited_before_waited_at_the_end_of_each_step(cast: Cast, destination: Destination) -> None:
    post(cast, b"{}", b"{}")
    Slip.objects.update(at=(began := ago(minutes=5)))
    count()
    deliver(GOOD, BROKEN)
    Slip.objects.update(at=began + timedelta(minutes=4))
    count()
    waiting = [step["waiting"] for step in glance(cast)["steps"]]
    assert waiting in ([0] * 9 + [2] * 4 + [1] * 2, [0] * 8 + [2] * 4 + [1] * 3)  # a minute may have begun meanwhile


def test_each_destination_says_how_it_is(cast: Cast, destination: Destination) -> None:
    hosts = ("good", "idle", "paused", "disabled")
    others = {host: cast.destination(f"https://{host}.example/") for host in hosts}
    Destination.objects.exclude(pk__in=[destination.pk, others["good"].pk]).update(state="paused")
    post(cast, b"{}")
    deliver(BROKEN, GOOD)
    Destination.objects.update(state="active")
    pause(destination=others["paused"], by=cast.admin)
    with transaction.atomic():
        disable(destination_ids=[others["disabled"].pk], reason="answered 410 Gone")
    count()
    found = {each["destination_id"]: (each["state"], each["reason"]) for each in glance(cast)["destinations"]}
    states = {host: found[str(other.pk)] for host, other in others.items()}
    assert found[str(destination.pk)] == ("failing", "503 Service Unavailable")
    assert states == {
        "good": ("healthy", ""),
        "idle": ("idle", ""),
        "paused": ("paused", ""),
        "disabled": ("disabled", "answered 410 Gone"),
    }


def test_what_failed_says_when_something_arrived_last(cast: Cast, destination: Destination) -> None:
    post(cast, b"{}")
    deliver(GOOD)
    post(cast, b"{}", first=1)
    deliver(BROKEN)
    count()
    (found,) = glance(cast)["destinations"]
    minute = Flow.objects.get(span_s=60, destination=destination, delivered=1).start
    assert (found["state"], datetime.fromisoformat(found["delivered_until"])) == ("failing", minute)
    Flow.objects.filter(span_s=60).delete()
    (found,) = glance(cast)["destinations"]
    assert found["delivered_until"][14:16] == "00"  # the hour is told where the minute is not kept


@pytest.mark.parametrize(
    ("query", "status", "named"),
    [
        ("?span=month", 400, ["span"]),
        ("?span=", 400, ["span"]),
        ("?destination_id=x", 400, ["destination_id"]),
        ("?x=1", 400, ["x"]),
        ("?destination_id=00000000-0000-0000-0000-000000000000", 404, []),
    ],
)
def test_what_is_wrong_is_named(cast: Cast, query: str, status: int, named: list[str]) -> None:
    answer = Rest(cast.alice).get(f"accounts/{cast.account.pk}/glance/{query}")
    assert (answer.status, list(answer.body["details"] or {})) == (status, named)


def test_the_number_of_queries_is_constant(cast: Cast, destination: Destination) -> None:
    alice, path = Rest(cast.alice), f"accounts/{cast.account.pk}/glance/"
    post(cast, b"{}")
    deliver(BROKEN)
    count()
    one = queries(alice, path)
    for number in range(20):
        cast.destination(f"https://example.com/{number}")
    post(cast, *[b"{}"] * 5, first=1)
    deliver(BROKEN)
    count()
    assert queries(alice, path) == one
    assert Tally.objects.filter(span_s=60).count() > 20


@pytest.fixture
def bob(cast: Cast) -> Client:
    return sign_in(cast.bob)


def test_the_page_shows_the_same_without_a_script(cast: Cast, destination: Destination, bob: Client) -> None:
    post(cast, b"{}", b"{}")
    deliver(BROKEN, GOOD)
    Slip.objects.update(at=ago(minutes=2))
    count()
    page = bob.get(f"/accounts/{cast.account.pk}/live/").content.decode()
    assert ("<polyline" in page, page.count('<th scope="row">'), 'aria-current="true">15 minutes' in page) == (True, 15, True)
    assert "<strong>2</strong> events" in page


def test_a_script_gets_the_numbers_alone(cast: Cast, destination: Destination, bob: Client) -> None:
    path = f"/accounts/{cast.account.pk}/glance/"
    answers = [bob.get(f"{path}?span={span}&destination={destination.pk}") for span in ("15m", "day", "week", "x")]
    assert [len(answer.context["series"]["times"]) for answer in answers] == [15, 24, 168, 15]
    assert all(b"<html" not in answer.content for answer in answers)
    others = sign_in(cast.charlie).get(f"/accounts/{cast.other.pk}/glance/?destination={destination.pk}")
    assert others.status_code == 404


def test_of_all_destinations_it_gets_how_each_is_and_nothing_to_press(cast: Cast, destination: Destination) -> None:
    alice, path = sign_in(cast.alice), f"/accounts/{cast.account.pk}/glance/"
    Destination.objects.filter(pk=destination.pk).update(state="paused")
    everything, one = (alice.get(f"{path}{query}").content.decode() for query in ("", f"?destination={destination.pk}"))
    assert f'data-destination="{destination.pk}"' in everything
    assert 'data-health="paused">paused<' in everything
    assert "<form" not in everything
    assert "data-destination" not in one


def test_the_page_says_when_no_worker_counts(cast: Cast, destination: Destination, bob: Client) -> None:
    post(cast, b"{}")
    Slip.objects.update(at=ago(minutes=2))
    assert "no worker counts" in bob.get(f"/accounts/{cast.account.pk}/live/").content.decode()
