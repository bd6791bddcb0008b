"""What follows a try."""

from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from apps.deliveries.request import Error, Outcome
from apps.deliveries.retry import GiveUp, RetryAt, Succeeded, disables, next_step

DAY = 86_400
FAILURES = sorted(set(Error) - {Error.NONE, Error.URL_TOO_LONG})

schedules = st.lists(st.integers(1, 604_800), max_size=30).map(tuple)
statuses = st.none() | st.integers(100, 599)
waits = st.none() | st.integers(0, 10**19)
failures = st.builds(Outcome, error=st.sampled_from(FAILURES), response_status=statuses, retry_after_s=waits)


@given(failure=failures, schedule=schedules, attempt=st.integers(1, 40), seed=st.integers(0, 2**32))
@settings(max_examples=500, derandomize=True, deadline=None)
def test_a_failed_try_follows_the_schedule_within_a_tenth_unless_the_receiver_asks_for_more(
    failure: Outcome, schedule: tuple[int, ...], attempt: int, seed: int
) -> None:
    step = next_step(failure, attempt, schedule, Random(seed))
    if attempt > len(schedule):
        assert step == GiveUp("tries_ended")
        return
    planned = schedule[attempt - 1]
    asked = min(failure.retry_after_s or 0, DAY) if failure.response_status in {429, 503} else 0
    assert isinstance(step, RetryAt)
    assert max(planned * 0.9, asked) <= step.delay_s <= max(planned * 1.1, asked)


@given(schedule=schedules, seed=st.integers(0, 2**32))
@settings(max_examples=100, derandomize=True, deadline=None)
def test_there_is_one_try_more_than_the_schedule_has_delays(schedule: tuple[int, ...], seed: int) -> None:
    failure, random = Outcome(Error.TIMEOUT), Random(seed)
    steps = [next_step(failure, attempt, schedule, random) for attempt in range(1, len(schedule) + 2)]
    assert [type(step) for step in steps] == [RetryAt] * len(schedule) + [GiveUp]


@pytest.mark.parametrize("attempt", [1, 3, 100])
def test_a_success_ends_it_at_any_try(attempt: int) -> None:
    assert next_step(Outcome(Error.NONE, 200, retry_after_s=9), attempt, (5,), Random(1)) == Succeeded()


def test_a_url_that_is_too_long_is_given_up_at_once() -> None:
    assert next_step(Outcome(Error.URL_TOO_LONG), 1, (5, 5), Random(1)) == GiveUp("url_too_long")


@pytest.mark.parametrize(
    ("status", "asked", "delay"),
    [(429, 3600, 3600), (503, 3600, 3600), (429, DAY + 1, DAY), (503, 10**19, DAY), (503, DAY, DAY)],
)
def test_retry_after_is_honoured_up_to_a_day(status: int, asked: int, delay: int) -> None:
    assert next_step(Outcome(Error.HTTP_STATUS, status, retry_after_s=asked), 1, (5,), Random(1)) == RetryAt(delay)


@pytest.mark.parametrize("status", [301, 400, 404, 410, 500, 502, 504])
def test_retry_after_counts_for_no_other_status(status: int) -> None:
    plain, asking = (Outcome(Error.HTTP_STATUS, status, retry_after_s=asked) for asked in (None, 3600))
    assert next_step(asking, 1, (5,), Random(1)) == next_step(plain, 1, (5,), Random(1))


def test_a_receiver_that_comes_back_is_not_met_by_all_at_once() -> None:
    random = Random(1)
    steps = {next_step(Outcome(Error.TIMEOUT), 1, (1000,), random) for _ in range(100)}
    delays = sorted(step.delay_s for step in steps if isinstance(step, RetryAt))
    assert len(delays) == 100
    assert delays[0] < 950 < 1050 < delays[-1]


@pytest.mark.parametrize("status", [None, 200, 404, 409, 411, 500])
def test_only_gone_disables_a_destination(status: int | None) -> None:
    assert disables(Outcome(Error.HTTP_STATUS, 410))
    assert not disables(Outcome(Error.HTTP_STATUS, status))
