"""Check 13: whatever comes of the tries of a delivery, each one starts when the schedule or the receiver says, and is
held by one worker. The clock stands still but for where the test moves it."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import pytest
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from apps.common.ids import uuid7
from apps.deliveries.claims import claim_due, claim_suspect, sweep
from apps.deliveries.holding import bring_back
from apps.deliveries.models import QUARANTINE_AT, Delivery
from apps.deliveries.request import Claim, Error, Outcome, Result
from apps.deliveries.retry import JITTER, RETRY_AFTER_MAX_S
from apps.deliveries.services import record
from apps.destinations.models import Destination
from apps.destinations.services import resume
from apps.ingest.batch import store
from tests.cast import Cast, assemble
from tests.clock import Clock, frozen_clock
from tests.events import make_post

TICK = 0.001  # seconds: before a moment, the smallest step that both databases keep apart
ANSWERED = st.builds(
    Outcome,
    error=st.just(Error.HTTP_STATUS),
    response_status=st.sampled_from([301, 400, 404, 410, 429, 429, 500, 503, 503]),
    latency_ms=st.integers(0, 15_000),
    retry_after_s=st.none() | st.integers(0, 2 * RETRY_AFTER_MAX_S),
)
UNANSWERED = st.builds(Outcome, error=st.sampled_from([Error.TIMEOUT, Error.DNS_FAILED]), latency_ms=st.integers(0, 15_000))
SUCCESS = st.just(Outcome(Error.NONE, response_status=204, latency_ms=3))
DEATH = st.none()  # the worker dies: nobody reports
OUTCOMES = st.lists(ANSWERED | UNANSWERED | ANSWERED | DEATH | SUCCESS, max_size=12)
SCHEDULES = st.lists(st.integers(1, 604_800), min_size=1, max_size=8)


class Life:
    """Of one delivery, from the post on."""

    def __init__(self, cast: Cast, clock: Clock, schedule: list[int]) -> None:
        self.clock, self.schedule, self.cast = clock, schedule, cast
        self.destination = cast.destination("https://example.com/hook", retry_schedule=schedule)
        store([make_post(cast.token, cast.account, "e1", b"{}")])
        self.tries = self.deaths = 0

    @property
    def delivery(self) -> Delivery:
        return Delivery.objects.get()

    def look(self) -> list[Claim]:
        """All that two workers find who look at the same moment."""
        sweep()
        found = [*claim_due(10), *claim_suspect(), *claim_due(10), *claim_suspect()]
        assert len(found) <= 1
        return found

    def claim(self) -> Claim:
        """At its due time, and not a moment before it; nobody else finds it then."""
        due = self.delivery.next_attempt_at
        assert due is not None
        if self.delivery.queue == Delivery.Queue.LATER:
            self.clock.set(due - timedelta(seconds=TICK))
            assert not self.look()
            self.clock.set(due + timedelta(seconds=TICK))
        (claim,) = self.look()
        return claim

    def live_through(self, outcome: Outcome | None) -> None:
        claim = self.claim()
        if outcome is None:
            self.die(claim)
        else:
            self.clock.pass_by((outcome.latency_ms or 0) / 1000)
            assert not self.look()
            self.tries, self.deaths = self.tries + 1, 0
            record([Result(uuid7(), claim, outcome, self.clock.now)])
            self.judge(outcome)

    def die(self, claim: Claim) -> None:
        """Until the lease has ended nobody else has it; it uses up no try."""
        self.clock.pass_by(claim.lease_s - TICK)
        assert not self.look()
        self.clock.pass_by(2 * TICK)
        sweep()
        self.deaths += 1
        assert self.delivery.attempts == self.tries
        assert (self.delivery.reason == "quarantined") == (self.deaths == QUARANTINE_AT)

    def judge(self, outcome: Outcome) -> None:
        delivery = self.delivery
        assert (delivery.attempts, delivery.lease_token) == (self.tries, None)
        if outcome.success:
            assert delivery.status == "success"
        elif self.tries > len(self.schedule):
            assert (delivery.status, delivery.reason) == ("failed", "tries_ended")
        else:
            assert delivery.next_attempt_at is not None
            waits = (delivery.next_attempt_at - self.clock.now).total_seconds()
            low, high = self.window(outcome)
            assert low - TICK <= waits <= high + TICK
        if outcome.response_status == 410:
            self.come_back()

    def window(self, outcome: Outcome) -> tuple[float, float]:
        """Seconds until the next try, at least and at most."""
        planned = self.schedule[self.tries - 1]
        asked = outcome.retry_after_s if outcome.response_status in {429, 503} else None
        least = min(asked or 0, RETRY_AFTER_MAX_S)
        return max(planned * (1 - JITTER), least), max(planned * (1 + JITTER), least)

    def come_back(self) -> None:
        """410: nothing goes there any more, however long it waits, until a person resumes it."""
        assert Destination.objects.get().state == "disabled"
        self.clock.pass_by(30 * 86_400)
        assert not self.look()
        resume(destination=self.destination, by=self.cast.admin)
        bring_back()


@contextmanager
def undone() -> Iterator[None]:
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


def live(schedule: list[int], outcomes: list[Outcome | None]) -> None:
    with undone(), frozen_clock() as clock:
        life = Life(assemble(), clock, schedule)
        for outcome in outcomes:
            life.live_through(outcome)
            if not life.delivery.is_open:
                break
        if not life.delivery.is_open:
            clock.pass_by(365 * 86_400)
            assert not life.look()


RELAXED = settings(deadline=None, suppress_health_check=list(HealthCheck))


@pytest.mark.django_db
@settings(RELAXED, max_examples=40)
@given(schedule=SCHEDULES, outcomes=OUTCOMES)
def test_every_try_starts_when_it_should_and_is_held_by_one(schedule: list[int], outcomes: list[Outcome | None]) -> None:
    live(schedule, outcomes)


@pytest.mark.chaos
@pytest.mark.timeout(600)
@pytest.mark.django_db
@settings(RELAXED, max_examples=300)
@given(schedule=SCHEDULES, outcomes=OUTCOMES)
def test_three_hundred_lives_keep_the_schedule(schedule: list[int], outcomes: list[Outcome | None]) -> None:
    live(schedule, outcomes)
