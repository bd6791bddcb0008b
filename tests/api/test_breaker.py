"""What keeps deliveries, as it is said over REST and on the pages."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from apps.deliveries.breaker import FAILURES
from apps.deliveries.claims import claim_due
from apps.deliveries.models import Delivery
from apps.destinations.models import Destination, Gate
from apps.destinations.services import pause
from tests.apps.test_gates import BAD, GOOD, HOOK, later, post, report
from tests.browsing import sign_in
from tests.cast import Cast
from tests.rest import Rest


def break_it(cast: Cast, **policy: Any) -> Destination:
    destination = cast.destination(HOOK, retry_schedule=[3600], **policy)
    post(cast, FAILURES)
    report(claim_due(100), BAD)
    post(cast, 2, first=100)
    claim_due(100)
    return destination


def breaker(cast: Cast, destination: Destination) -> dict[str, Any]:
    shown: dict[str, Any] = Rest(cast.alice).get(f"destinations/{destination.pk}/").body["breaker"]
    return shown


def waiting(cast: Cast, event_id: str) -> dict[str, Any]:
    (row,) = Rest(cast.alice).get(f"accounts/{cast.account.pk}/deliveries/?event_id={event_id}").body["results"]
    return {name: row[name] for name in ("held", "waits_for", "waits_behind")}


def test_health_says_that_a_destination_is_left_alone(cast: Cast) -> None:
    destination = break_it(cast)
    (health,) = Rest(cast.alice).get(f"accounts/{cast.account.pk}/glance/").body["destinations"]
    gate = Gate.objects.get(destination=destination)
    assert gate.probe_at is not None
    assert (health["state"], health["reason"]) == ("breaker", "No answer in time")
    assert health["next_probe_at"][:23] == gate.probe_at.isoformat()[:23]
    page = sign_in(cast.bob).get(f"/accounts/{cast.account.pk}/live/").content.decode()
    assert "left alone" in page
    assert "next probe" in page


def test_an_open_breaker_says_why_and_when_the_next_probe_goes(cast: Cast) -> None:
    destination = break_it(cast)
    shown, gate = breaker(cast, destination), Gate.objects.get()
    assert (shown["state"], shown["reason"], shown["response_status"]) == ("open", "timeout", None)
    assert gate.probe_at is not None
    assert shown["next_probe_at"][:23] == gate.probe_at.isoformat()[:23]
    assert waiting(cast, "e100") == {"held": True, "waits_for": "breaker", "waits_behind": None}
    page = sign_in(cast.bob).get(f"/accounts/{cast.account.pk}/destinations/{destination.pk}/").content.decode()
    assert ("breaker open" in page, "No answer in time" in page, "uses up no tries" in page) == (True, True, True)
    later(6)
    report(claim_due(100), GOOD)
    assert breaker(cast, destination) == {"state": "closed", "reason": "", "response_status": None, "since": None} | {
        "next_probe_at": None
    }


def test_an_etag_is_another_when_the_breaker_turns_and_still_guards_a_write(cast: Cast) -> None:
    destination, alice = cast.destination(HOOK), Rest(cast.alice)
    at = f"destinations/{destination.pk}/"
    closed = alice.get(at).headers["etag"]
    Gate.objects.create(destination=destination, breaker="open", since=timezone.now(), probe_at=timezone.now())
    opened = alice.get(at, If_None_Match=closed)
    assert (opened.status, opened.body["breaker"]["state"], opened.headers["etag"] == closed) == (200, "open", False)
    assert alice.get(at, If_None_Match=opened.headers["etag"]).status == 304
    assert alice.put(at, alice.get(at).body, If_Match=opened.headers["etag"]).status == 200
    assert alice.patch(at, {"timeout_s": 5}, If_Match=opened.headers["etag"]).status == 412
    assert Gate.objects.get().breaker == "open"


@pytest.mark.parametrize(
    ("policy", "says"), [({"ordered": True}, "order"), ({"concurrency": 1}, "limit"), ({"rate_limit": 0.01}, "limit")]
)
def test_what_blocks_is_said(cast: Cast, policy: dict[str, Any], says: str) -> None:
    destination = cast.destination(HOOK, **policy)
    post(cast, 2)
    (claim,) = claim_due(10)
    first = str(claim.delivery_id) if says == "order" else None
    assert waiting(cast, "e1") == {"held": False, "waits_for": says, "waits_behind": first}
    assert waiting(cast, "e0") == {"held": False, "waits_for": "", "waits_behind": None}
    pause(destination=destination, by=cast.admin)
    assert waiting(cast, "e1") == {"held": True, "waits_for": "resume", "waits_behind": None}


def test_the_etag_of_a_delivery_is_another_when_its_turn_has_come(cast: Cast) -> None:
    cast.destination(HOOK, ordered=True)
    post(cast, 3)
    taken, alice = claim_due(10), Rest(cast.alice)
    at = f"deliveries/{Delivery.objects.get(event__event_id='e2').pk}/"
    before = alice.get(at)
    assert alice.get(at, If_None_Match=before.headers["etag"]).status == 304
    report(taken)
    claim_due(10)
    after = alice.get(at, If_None_Match=before.headers["etag"])
    assert (after.status, after.body["waits_behind"] != before.body["waits_behind"]) == (200, True)


def test_a_destination_that_comes_back_is_shown_as_approached_slowly(cast: Cast) -> None:
    destination = cast.destination(HOOK)
    Gate.objects.create(destination=destination, pace=3.0, since=timezone.now() - timedelta(minutes=1))
    page = sign_in(cast.bob).get(f"/accounts/{cast.account.pk}/destinations/{destination.pk}/").content.decode()
    assert ("slow start" in page, "3 requests a second" in page) == (True, True)
