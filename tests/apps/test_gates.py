"""Destinations with a number of tries at once, an order or a rate: what a claim gets of what waits for them."""

import time
from datetime import timedelta
from typing import Any

import pytest
from django.db.models import F
from django.utils import timezone

from apps.common.ids import uuid7
from apps.deliveries import admission
from apps.deliveries.claims import claim_due, give_back, release_all, sweep
from apps.deliveries.holding import bring_back
from apps.deliveries.models import Delivery, Slot
from apps.deliveries.request import Claim, Error, Outcome, Result
from apps.deliveries.services import cancel, record, replay
from apps.destinations.models import Destination, Gate
from apps.destinations.services import delete_destination, pause, resume, update_destination
from apps.events.models import Event
from apps.ingest.batch import store
from tests.cast import Cast
from tests.events import make_post
from tests.together import together

HELD = Delivery.Queue.HELD
GOOD, BAD = Outcome(Error.NONE, response_status=200, latency_ms=5), Outcome(Error.TIMEOUT, latency_ms=15_000)
HOOK = "https://example.com/hook"


def post(cast: Cast, number: int, first: int = 0) -> None:
    """One after the other, as who waits for each answer does."""
    for n in range(number):
        store([make_post(cast.token, cast.account, f"e{first + n}", b"{}")])


def report(taken: list[Claim], outcome: Outcome = GOOD) -> None:
    record([Result(uuid7(), claim, outcome, timezone.now()) for claim in taken])


def names(taken: list[Claim]) -> list[str]:
    return [claim.event_id for claim in taken]


def later(seconds: float) -> None:
    """So much time passes."""
    step = timedelta(seconds=seconds)
    gates = {name: F(name) - step for name in ("wake_at", "probe_at", "filled_at", "since", "pace_cut_at")}
    Gate.objects.update(**gates)
    Delivery.objects.filter(status="pending").update(next_attempt_at=F("next_attempt_at") - step)
    sweep()
    admission.hint()


def set_policy(cast: Cast, destination: Destination, **changes: Any) -> None:
    update_destination(destination=destination, by=cast.admin, changes=changes)


class TestConcurrency:
    def test_no_more_go_than_it_allows(self, cast: Cast) -> None:
        cast.destination(HOOK, concurrency=2)
        post(cast, 5)
        first = claim_due(10)
        assert (names(first), claim_due(10)) == (["e0", "e1"], [])
        report(first[:1])
        assert (names(claim_due(10)), claim_due(10), Slot.objects.count()) == (["e2"], [], 2)

    def test_a_retry_frees_its_place(self, cast: Cast) -> None:
        cast.destination(HOOK, concurrency=1, retry_schedule=[60])
        post(cast, 2)
        report(claim_due(10), BAD)
        assert names(claim_due(10)) == ["e1"]
        later(70)
        assert claim_due(10) == []

    def test_other_destinations_do_not_wait(self, cast: Cast) -> None:
        cast.destination(HOOK, concurrency=1)
        other = cast.destination("https://example.com/other")
        post(cast, 4)
        taken = claim_due(100) + claim_due(100)
        assert sum(claim.target.id == other.pk for claim in taken) == 4
        assert len(taken) == 5

    def test_a_lost_lease_keeps_its_place(self, cast: Cast) -> None:
        cast.destination(HOOK, concurrency=1)
        post(cast, 2)
        assert names(claim_due(10)) == ["e0"]
        release_all()
        assert (names(claim_due(10)), claim_due(10)) == (["e0"], [])

    def test_a_cancelled_one_gives_up_its_place(self, cast: Cast) -> None:
        cast.destination(HOOK, concurrency=1)
        post(cast, 3)
        assert names(claim_due(10)) == ["e0"]
        cancel(delivery=Delivery.objects.get(event__event_id="e0"), by=cast.admin)
        assert names(claim_due(10)) == ["e1"]

    def test_set_while_they_wait_and_taken_away_again(self, cast: Cast) -> None:
        destination = cast.destination(HOOK)
        post(cast, 6)
        set_policy(cast, destination, concurrency=1)
        assert (len(claim_due(10)), claim_due(10)) == (1, [])
        set_policy(cast, destination, concurrency=3)
        admission.hint()
        assert len(claim_due(10)) == 2
        set_policy(cast, destination, concurrency=None)
        admission.hint()
        assert (len(claim_due(10)), Gate.objects.count(), Slot.objects.count()) == (3, 0, 0)

    def test_paused_and_resumed_it_goes_on_at_its_own_pace(self, cast: Cast) -> None:
        destination = cast.destination(HOOK, concurrency=1)
        post(cast, 3)
        pause(destination=destination, by=cast.admin)
        assert claim_due(10) == []
        resume(destination=destination, by=cast.admin)
        bring_back()
        admission.hint()
        assert (names(claim_due(10)), claim_due(10)) == (["e0"], [])

    def test_deleted_it_leaves_nothing_to_look_at(self, cast: Cast) -> None:
        destination = cast.destination(HOOK, concurrency=1)
        post(cast, 3)
        assert len(claim_due(10)) == 1
        delete_destination(destination=destination, by=cast.admin)
        later(11)
        assert (claim_due(10), Gate.objects.get().wake_at) == ([], None)

    @pytest.mark.postgres
    def test_it_holds_over_all_workers(self, cast: Cast) -> None:
        cast.destination(HOOK, concurrency=3)
        post(cast, 40)
        most = []

        def work(_: int) -> None:
            for _turn in range(30):
                taken = claim_due(5)
                most.append(Delivery.objects.filter(status="delivering").count())
                report(taken)

        assert together(4, work) == [None] * 4
        assert max(most) <= 3


class TestOrder:
    @pytest.fixture(autouse=True)
    def destination(self, cast: Cast) -> Destination:
        return cast.destination(HOOK, ordered=True, concurrency=5, retry_schedule=[60, 60])  # one at a time all the same

    def test_one_after_the_other(self, cast: Cast) -> None:
        post(cast, 3)
        for number in range(3):
            taken = claim_due(10)
            assert (names(taken), claim_due(10)) == ([f"e{number}"], [])
            report(taken)

    def test_a_retry_holds_those_behind_it(self, cast: Cast) -> None:
        post(cast, 2)
        report(claim_due(10), BAD)
        assert claim_due(10) == []
        later(70)
        again = claim_due(10)
        assert names(again) == ["e0"]
        report(again)
        assert names(claim_due(10)) == ["e1"]

    def test_failed_and_cancelled_let_the_next_go(self, cast: Cast) -> None:
        post(cast, 3)
        for _ in range(3):
            report(claim_due(10), BAD)
            later(70)
        assert Delivery.objects.get(event__event_id="e0").status == "failed"
        report(claim_due(10), BAD)
        cancel(delivery=Delivery.objects.get(event__event_id="e1"), by=cast.admin)
        assert names(claim_due(10)) == ["e2"]

    def test_what_is_given_back_stays_the_first(self, cast: Cast) -> None:
        post(cast, 2)
        give_back(claim_due(10))
        assert claim_due(10) == []
        later(6)
        assert names(claim_due(10)) == ["e0"]

    def test_a_replay_joins_at_the_end(self, cast: Cast) -> None:
        post(cast, 1)
        report(claim_due(10))
        post(cast, 1, first=1)
        replay(event=Event.objects.get(event_id="e0"), by=cast.admin)
        taken = claim_due(10)
        assert names(taken) == ["e1"]
        report(taken)
        assert names(claim_due(10)) == ["e0"]

    def test_a_retry_from_before_the_order_was_set_comes_first(self, cast: Cast, destination: Destination) -> None:
        set_policy(cast, destination, ordered=False)
        post(cast, 1)
        report(claim_due(10), BAD)
        set_policy(cast, destination, ordered=True)
        post(cast, 1, first=1)
        assert (claim_due(10), Slot.objects.get().delivery.event.event_id) == ([], "e0")
        later(70)
        assert names(claim_due(10)) == ["e0"]

    def test_paused_while_a_retry_waits_it_is_still_the_first(self, cast: Cast, destination: Destination) -> None:
        post(cast, 2)
        report(claim_due(10), BAD)
        pause(destination=destination, by=cast.admin)
        later(70)
        assert claim_due(10) == []
        assert set(Delivery.objects.values_list("queue", flat=True)) == {HELD}
        resume(destination=destination, by=cast.admin)
        bring_back()
        admission.hint()
        assert names(claim_due(10)) == ["e0"]

    @pytest.mark.postgres
    def test_the_order_holds_over_all_workers(self, cast: Cast) -> None:
        post(cast, 30)
        seen = []

        def work(_: int) -> None:
            for _turn in range(40):
                if taken := claim_due(5):
                    seen.extend(names(taken))
                    report(taken)

        assert together(4, work) == [None] * 4
        for _ in range(30):
            report(taken := claim_due(5))
            seen.extend(names(taken))
        assert seen == [f"e{n}" for n in range(30)]


class TestRate:
    def test_a_token_each_time(self, cast: Cast) -> None:
        cast.destination(HOOK, rate_limit=0.1)
        post(cast, 4)
        first = claim_due(10)
        report(first)
        assert (names(first), claim_due(10)) == (["e0"], [])
        later(10.5)
        assert (names(claim_due(10)), claim_due(10)) == (["e1"], [])

    def test_what_was_not_used_gathers_for_a_fifth_of_a_second_only(self, cast: Cast) -> None:
        cast.destination(HOOK, rate_limit=50)
        post(cast, 30)
        later(3600)
        assert len(claim_due(100)) <= 10 + 5

    def test_what_nobody_claims_is_not_followed_by_more(self, cast: Cast) -> None:
        cast.destination(HOOK, rate_limit=10)
        post(cast, 20)
        assert claim_due(1)
        for _ in range(5):
            later(10)
            admission.admit()
        assert Delivery.objects.ready().count() <= 2

    def test_it_is_taken_up_again_when_something_comes(self, cast: Cast) -> None:
        cast.destination(HOOK, rate_limit=0.01)
        post(cast, 1)
        assert len(claim_due(10)) == 1
        post(cast, 1, first=1)
        assert claim_due(10) == []
        later(101)
        assert names(claim_due(10)) == ["e1"]

    def test_a_minute_of_work_keeps_to_it(self, cast: Cast) -> None:
        cast.destination(HOOK, rate_limit=1.5)
        post(cast, 40)
        sent, began = 0, time.monotonic()
        for _ in range(40):
            report(taken := claim_due(10))
            sent += len(taken)
            later(0.5)
        assert 29 <= sent <= 32 + 1.5 * (time.monotonic() - began)
