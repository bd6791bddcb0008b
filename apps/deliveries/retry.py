"""What follows a try. Pure: no clock, no database."""

from dataclasses import dataclass
from random import Random

from apps.deliveries.request import Error, Outcome

# A receiver may ask for at most a day (contract, §2).
RETRY_AFTER_MAX_S = 86_400
JITTER = 0.1  # of the delay, both ways: a receiver that comes back is not met by all at once


@dataclass(frozen=True, slots=True)
class Succeeded:
    pass


@dataclass(frozen=True, slots=True)
class RetryAt:
    delay_s: float


@dataclass(frozen=True, slots=True)
class GiveUp:
    reason: str


def next_step(outcome: Outcome, attempt: int, schedule: tuple[int, ...], random: Random) -> Succeeded | RetryAt | GiveUp:
    """What to do after try number `attempt` (from 1). The schedule's n-th delay follows the n-th try."""
    if outcome.success:
        return Succeeded()
    if outcome.error is Error.URL_TOO_LONG:
        return GiveUp("url_too_long")
    if attempt > len(schedule):
        return GiveUp("tries_ended")
    delay = schedule[attempt - 1] * random.uniform(1 - JITTER, 1 + JITTER)
    if outcome.retry_after_s is not None and outcome.response_status in {429, 503}:
        delay = max(delay, min(outcome.retry_after_s, RETRY_AFTER_MAX_S))
    return RetryAt(delay)


def disables(outcome: Outcome) -> bool:
    """410 Gone: the receiver says that it wants no more."""
    return outcome.response_status == 410
