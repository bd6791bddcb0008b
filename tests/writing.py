"""What stands in the database after posts and tries, without a worker."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from django.utils import timezone

from apps.common.ids import uuid7
from apps.deliveries.claims import claim_due
from apps.deliveries.request import Claim, Error, Outcome, Result
from apps.deliveries.services import record
from apps.destinations.models import Destination
from apps.events.services import index_waiting
from apps.ingest.batch import store
from tests.cast import Cast
from tests.events import make_post

GOOD = Outcome(Error.NONE, response_status=200, latency_ms=12)
TIMEOUT = Outcome(Error.TIMEOUT, latency_ms=15_000)
BROKEN = Outcome(Error.HTTP_STATUS, response_status=503, latency_ms=7)


def post(cast: Cast, *bodies: bytes, first: int = 0) -> None:
    """Events of Alice's account, `e0`, `e1` …, found by their words at once."""
    store([make_post(cast.token, cast.account, f"e{first + number}", body) for number, body in enumerate(bodies)])
    index_waiting()


def deliver(*outcomes: Outcome, at: datetime | None = None) -> None:
    """Tries what is due, oldest first: each with its own outcome, or all with the one that is given."""
    claims = claim_due(1000)
    each = outcomes * len(claims) if len(outcomes) == 1 else outcomes
    record([Result(uuid7(), claim, outcome, at or timezone.now()) for claim, outcome in zip(claims, each, strict=True)])


def report(claims: Iterable[Claim], outcome: Outcome) -> None:
    """Their worker has tried them."""
    record([Result(uuid7(), claim, outcome, timezone.now()) for claim in claims])


def once(destination: Destination) -> Destination:
    """What fails there has failed: it is not tried again."""
    Destination.objects.filter(pk=destination.pk).update(retry_schedule=[])
    return destination


def ago(**span: Any) -> datetime:
    return timezone.now() - timedelta(**span)
