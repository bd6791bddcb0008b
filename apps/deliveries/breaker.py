"""What a try's outcome means for how its destination is approached next. No clock, no database."""

from datetime import datetime, timedelta
from enum import Enum
from random import Random

from apps.deliveries.request import Error, Outcome
from apps.destinations.models import Gate

# Failures in a row that open it.
FAILURES = 10
# Seconds until the first probe, doubled with each probe that fails, up to the second.
PAUSE_S = (5.0, 300.0)
JITTER = 0.1  # of the pause, both ways
# Milliseconds of an answer that ends a destination's time in the slow lane.
QUICK_MS = 1000
# Requests a second with which a destination that came back is approached first, and from which nothing holds it back.
PACE = (1.0, 1000.0)
# Seconds in which the pace is cut once only: what was in the air with the first failure tells nothing new.
_CUT_S = 1.0


class Sign(Enum):
    ANSWERED = "it works, whatever it thinks of the data"
    BUSY = "it works, and asks for less"
    FAILED = "it does not work"
    NONE = "nothing was sent"


def sign(outcome: Outcome) -> Sign:
    """What a try says of the destination. One that says when to come again knows what it does: it has not failed."""
    if outcome.error in {Error.INTERNAL, Error.URL_TOO_LONG}:
        return Sign.NONE
    status = outcome.response_status
    if status is None or outcome.error not in {Error.NONE, Error.HTTP_STATUS}:
        return Sign.FAILED
    if status == 429 or (status == 503 and outcome.retry_after_s is not None):
        return Sign.BUSY
    return Sign.FAILED if status >= 500 else Sign.ANSWERED


def note(gate: Gate, outcome: Outcome, claimed_at: datetime, now: datetime, random: Random) -> None:
    """Changes the gate by a try that was claimed at `claimed_at`; the caller stores it.

    What was on its way when the pace was cut fails for the same reason: it does not count towards opening.
    """
    what = sign(outcome)
    if what is Sign.NONE:
        return
    if gate.slow_at is not None and claimed_at >= gate.slow_at and what is not Sign.FAILED and _is_quick(outcome):
        gate.slow_at = None
    if what is Sign.FAILED:
        gate.failures += gate.pace_cut_at is None or claimed_at >= gate.pace_cut_at
        if gate.breaker == Gate.Breaker.CLOSED or (gate.breaker == Gate.Breaker.HALF_OPEN and claimed_at >= gate.since):
            gate.error, gate.response_status = outcome.error.value, outcome.response_status
    elif what is Sign.ANSWERED:
        gate.failures = 0
    _adapt(gate, what, now)
    _turn(gate, what, claimed_at, now, random)


def _is_quick(outcome: Outcome) -> bool:
    return outcome.latency_ms is not None and outcome.latency_ms < QUICK_MS


def _turn(gate: Gate, what: Sign, claimed_at: datetime, now: datetime, random: Random) -> None:
    """Of what was in the air when it opened, or when the probe went, nothing turns it."""
    if gate.breaker == Gate.Breaker.CLOSED:
        if gate.failures >= FAILURES:
            _open(gate, max(PAUSE_S[0], min(gate.pause_s * 2, PAUSE_S[1])), now, random)
    elif claimed_at < gate.since:
        return
    elif what is Sign.ANSWERED:
        gate.breaker, gate.since, gate.probe_at = Gate.Breaker.CLOSED.value, now, None
        gate.pace, gate.pace_cut_at, gate.tokens, gate.filled_at = PACE[0], None, 1.0, now
        gate.wake_at = now
    elif gate.breaker == Gate.Breaker.HALF_OPEN:
        _open(gate, gate.pause_s if what is Sign.BUSY else min(gate.pause_s * 2, PAUSE_S[1]), now, random)


def _open(gate: Gate, pause_s: float, now: datetime, random: Random) -> None:
    gate.breaker, gate.since, gate.pause_s, gate.pace = Gate.Breaker.OPEN.value, now, pause_s, None
    gate.slow_at = None  # nothing of it is in the way now
    gate.probe_at = now + timedelta(seconds=pause_s * random.uniform(1 - JITTER, 1 + JITTER))
    if gate.wake_at is not None:
        gate.wake_at = gate.probe_at


def _adapt(gate: Gate, what: Sign, now: datetime) -> None:
    """As TCP does: doubled each second until it is too much; then half of that, and one more each second."""
    if gate.pace is None:
        return
    if what is Sign.ANSWERED:
        gate.pace += 1 if gate.pace_cut_at is None else 1 / gate.pace
    elif gate.pace_cut_at is None or now - gate.pace_cut_at > timedelta(seconds=_CUT_S):
        gate.pace, gate.pace_cut_at = max(PACE[0], gate.pace / 2), now
