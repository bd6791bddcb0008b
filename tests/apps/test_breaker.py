"""A destination that fails is left alone, looked after, and approached slowly when it comes back."""

from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from random import Random

import pytest
from pytest_django import Settings

from apps.deliveries import breaker
from apps.deliveries.admission import admit
from apps.deliveries.breaker import FAILURES, PACE, PAUSE_S, Sign, note, sign
from apps.deliveries.claims import claim_due
from apps.deliveries.gates import mark_slow
from apps.deliveries.models import Delivery, Slot
from apps.deliveries.request import Error, Outcome
from apps.destinations.models import Destination, Gate
from tests.apps.test_gates import BAD, GOOD, HOOK, later, names, post, report
from tests.cast import Cast

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def answer(status: int, retry_after_s: int | None = None) -> Outcome:
    error = Error.NONE if status < 300 else Error.HTTP_STATUS
    return Outcome(error, response_status=status, latency_ms=1, retry_after_s=retry_after_s)


@pytest.mark.parametrize(
    ("outcome", "says"),
    [
        (answer(204), Sign.ANSWERED),
        (answer(302), Sign.ANSWERED),
        (answer(404), Sign.ANSWERED),
        (answer(410), Sign.ANSWERED),
        (answer(429), Sign.BUSY),
        (answer(503, 30), Sign.BUSY),
        (answer(503), Sign.FAILED),
        (answer(500, 30), Sign.FAILED),
        (BAD, Sign.FAILED),
        (Outcome(Error.TIMEOUT, response_status=200), Sign.FAILED),
        (Outcome(Error.TLS_FAILED), Sign.FAILED),
        (Outcome(Error.URL_TOO_LONG), Sign.NONE),
        (Outcome(Error.INTERNAL), Sign.NONE),
    ],
)
def test_what_a_try_says_of_its_destination(outcome: Outcome, says: Sign) -> None:
    assert sign(outcome) is says


class Story:
    """Of one gate, without a database. `claimed`: seconds before now at which the try was claimed."""

    def __init__(self) -> None:
        self.gate, self.now, self.random = Gate(since=NOW, filled_at=NOW), NOW, Random(1)

    def tried(self, outcome: Outcome, times: int = 1, claimed: float = 0.0) -> Gate:
        for _ in range(times):
            note(self.gate, outcome, self.now - timedelta(seconds=claimed), self.now, self.random)
        return self.gate

    def probe(self, outcome: Outcome) -> Gate:
        assert self.gate.probe_at is not None
        self.now = self.gate.since = self.gate.probe_at
        self.gate.breaker, self.gate.probe_at = "half_open", None
        return self.tried(outcome)


def test_it_opens_after_ten_failures_in_a_row_and_says_why() -> None:
    story = Story()
    story.tried(BAD, FAILURES - 1)
    story.tried(GOOD)
    assert story.tried(BAD, FAILURES - 1).breaker == "closed"
    gate = story.tried(answer(500))
    assert (gate.breaker, gate.error, gate.response_status, gate.failures) == ("open", "http_status", 500, FAILURES)


def test_one_that_asks_for_less_neither_opens_it_nor_ends_the_row() -> None:
    story = Story()
    story.tried(BAD, FAILURES - 1)
    assert (story.tried(answer(429), 50).breaker, story.tried(BAD).breaker) == ("closed", "open")


def test_the_pause_grows_with_each_probe_that_fails() -> None:
    story, pauses = Story(), []
    gate = story.tried(BAD, FAILURES)
    for _ in range(9):
        assert gate.probe_at is not None
        pauses.append((gate.probe_at - story.now).total_seconds() / gate.pause_s)
        story.probe(BAD)
    assert gate.pause_s == PAUSE_S[1]
    assert all(1 - breaker.JITTER <= each <= 1 + breaker.JITTER for each in pauses)


def test_what_was_in_the_air_when_it_opened_turns_nothing() -> None:
    story = Story()
    story.tried(BAD, FAILURES)
    assert story.tried(GOOD, claimed=1).breaker == "open"


def test_after_a_good_probe_it_is_approached_slowly() -> None:
    story = Story()
    story.tried(BAD, FAILURES)
    gate = story.probe(GOOD)
    assert gate.pace == PACE[0]
    # A second each: as many answers as the pace lets through.
    assert [story.tried(GOOD, times=int(gate.pace or 0)).pace for _ in range(6)] == [2, 4, 8, 16, 32, 64]
    story.now += timedelta(seconds=1)
    story.tried(answer(429), times=20)
    assert gate.pace == 32
    assert (story.tried(GOOD, times=32).pace or 0) == pytest.approx(33, abs=0.1)


class TestQueue:
    @pytest.fixture(autouse=True)
    def destination(self, cast: Cast) -> Destination:
        return cast.destination(HOOK, retry_schedule=[3600])

    def opened(self, cast: Cast, waiting: int = 5) -> None:
        post(cast, FAILURES)
        report(claim_due(100), BAD)
        post(cast, waiting, first=100)
        assert claim_due(100) == []

    def test_while_it_is_open_what_comes_waits_and_uses_up_no_try(self, cast: Cast) -> None:
        self.opened(cast)
        held = Delivery.objects.filter(queue=Delivery.Queue.HELD)
        assert (held.count(), set(held.values_list("attempts", flat=True))) == (5, {0})
        assert Gate.objects.get().breaker == "open"

    def test_then_one_probe_goes_and_no_second_one(self, cast: Cast) -> None:
        self.opened(cast)
        later(6)
        probe = claim_due(100)
        later(11)
        assert (names(probe), claim_due(100), Gate.objects.get().breaker) == (["e100"], [], "half_open")
        report(probe, BAD)
        gate = Gate.objects.get()
        assert (gate.breaker, gate.pause_s, Slot.objects.count()) == ("open", 2 * PAUSE_S[0], 0)

    def test_a_good_probe_lets_the_others_go_faster_and_faster_until_nothing_limits_it(self, cast: Cast) -> None:
        self.opened(cast, waiting=40)
        later(6)
        report(claim_due(100))
        sent = list[int]()
        while len(sent) < 200 and sum(sent) < 39:
            later(0.1)
            report(taken := claim_due(100))
            sent.append(len(taken))
        later(1)
        admit()  # what finds that nothing waits any more
        assert (sum(sent), Gate.objects.count()) == (39, 0)
        assert sum(sent[: len(sent) // 2]) < 15

    def test_nothing_waits_for_it_so_it_stays_open_until_something_does(self, cast: Cast) -> None:
        self.opened(cast, waiting=0)
        later(3)
        assert (claim_due(100), Gate.objects.get().breaker) == ([], "open")
        post(cast, 2, first=100)
        assert claim_due(100) == []
        later(3)
        assert len(claim_due(100)) == 1

    def test_a_destination_that_works_has_no_gate(self, cast: Cast) -> None:
        post(cast, FAILURES)
        taken = claim_due(100)
        for claim in taken[:4]:
            report([claim], BAD)
        assert not Gate.objects.exists()
        report(taken[4:6], BAD)
        assert Gate.objects.get().failures == 6
        post(cast, 1, first=100)
        report(claim_due(100))
        assert (Gate.objects.count(), Counter(claim.gated for claim in taken)) == (0, {False: FAILURES})

    def test_one_that_hangs_is_let_through_a_few_at_a_time_until_it_answers_quickly(
        self, cast: Cast, destination: Destination, settings: Settings
    ) -> None:
        settings.WORKER_SLOW_SEATS = 12
        post(cast, 8)
        mark_slow([destination.pk])
        mark_slow([destination.pk])
        slowly = claim_due(100)
        assert (len(slowly), claim_due(100)) == (3, [])
        report(slowly[:1], replace(GOOD, latency_ms=3000))
        again = claim_due(100)
        assert len(again) == 1
        report(again)
        assert (len(claim_due(100)), Gate.objects.count()) == (4, 0)
