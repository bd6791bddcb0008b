"""What a try adds to the trace of its event."""

import time
from dataclasses import replace

from apps.common import traces
from apps.common.traces import Step
from apps.deliveries.clock import since_boot
from apps.deliveries.request import Claim, Result


def handed_on(claim: Claim) -> Claim:
    """With the `traceparent` that the receiver gets: where nothing is traced, or the sender sent none, what it sent."""
    if not claim.traceparent or not traces.on():
        return claim
    span = traces.span_of_try(claim.delivery_id, claim.attempts + 1)
    return replace(claim, traceparent=traces.handed_on(claim.traceparent, span))


def tried(result: Result, began: float, ended: float) -> None:
    """Once it is recorded. Times of the clock since boot: from the try's beginning to its end."""
    if not traces.on():
        return
    claim, outcome = result.claim, result.outcome
    now = since_boot()
    boot = time.time() - now
    facts: dict[str, str | int] = {
        "datapusher.event_id": str(claim.event),
        "datapusher.delivery_id": str(claim.delivery_id),
        "datapusher.attempt": claim.attempts + 1,
        "http.request.method": claim.target.http_method,
    }
    if outcome.response_status is not None:
        facts["http.response.status_code"] = outcome.response_status
    span = traces.span_of_try(claim.delivery_id, claim.attempts + 1)
    steps = [
        Step("claim", boot + claim.claimed_mono, boot + began, {"datapusher.delivery_id": str(claim.delivery_id)}),
        Step("deliver", boot + began, boot + ended, facts, outcome.error.value, span),
        Step("record", boot + ended, boot + now),
    ]
    traces.send(claim.event, claim.traceparent, steps)
