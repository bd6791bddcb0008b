"""Check 15: four recorders and two accepts on the same rows, each in an order of its own, wait for each other and never for
ever."""

import random
from contextlib import suppress

import pytest
from django.db import connection
from django.utils import timezone

from apps.common.errors import Refused
from apps.common.ids import uuid7
from apps.deliveries.admission import admit
from apps.deliveries.claims import claim_due, sweep
from apps.deliveries.holding import bring_back
from apps.deliveries.models import Delivery
from apps.deliveries.purging import cancel_deleted
from apps.deliveries.request import Claim, Error, Outcome, Result
from apps.deliveries.services import cancel, record, replay
from apps.destinations.models import Destination
from apps.destinations.services import pause, resume
from apps.events.services import index_waiting
from apps.ingest.batch import store
from apps.logs.services import roll_up
from tests.cast import Cast, make_destination
from tests.events import make_post
from tests.together import together

pytestmark = pytest.mark.postgres

GONE = Outcome(Error.HTTP_STATUS, response_status=410)
LOST = Outcome(Error.TIMEOUT, latency_ms=15_000)
RECORDERS, ACCEPTS = 4, 2


def deadlocks() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()")
        return int(cursor.fetchone()[0])


def store_some(cast: Cast, prefix: str) -> None:
    """Of two accounts, in any order, the same ids as whoever does it at the same time."""
    pairs = [(cast.token, cast.account), (cast.other_token, cast.other)]
    posts = [make_post(token, account, f"{prefix}-{n}", b"{}") for token, account in pairs for n in range(40)]
    random.shuffle(posts)
    store(posts)


def record_some(claims: list[Claim]) -> None:
    some = random.sample(claims, len(claims) // 2)
    record([Result(uuid7(), claim, random.choice([Outcome(Error.NONE), GONE, LOST]), timezone.now()) for claim in some])


def people_and_chores(cast: Cast) -> None:
    """On the same rows: pause and resume, cancel, send again, take back, let through, tally."""
    for destination in Destination.objects.filter(account=cast.account).order_by("?"):
        pause(destination=destination, by=cast.admin)
        resume(destination=destination, by=cast.admin)
    for delivery in Delivery.objects.filter(account=cast.account).order_by("?")[:10]:
        with suppress(Refused):
            cancel(delivery=delivery, by=cast.admin)
        with suppress(Refused):
            replay(event=delivery.event, by=cast.admin)
    for step in (sweep, roll_up, index_waiting, cancel_deleted, admit, bring_back):
        step()


def struggle(cast: Cast, rounds: int, others: int) -> list[object]:
    """What any of them raised that is not a refusal, and how many deadlocks the server has broken."""
    before, failures = deadlocks(), list[object]()
    store_some(cast, "first")
    for turn in range(rounds):
        claims = claim_due(400)

        def one(index: int, claims: list[Claim] = claims, prefix: str = f"round-{turn}") -> None:
            if index < RECORDERS:
                record_some(claims)
            elif index < RECORDERS + ACCEPTS:
                store_some(cast, prefix)
            else:
                people_and_chores(cast)

        failures += [each for each in together(RECORDERS + ACCEPTS + others, one) if isinstance(each, Exception)]
        Destination.objects.update(state="active")  # 410 has disabled them; the next round needs them
    return [*failures, deadlocks() - before]


@pytest.fixture
def crowd(cast: Cast) -> Cast:
    for number in range(3):
        cast.destination(f"https://example.com/{number}", concurrency=30 if number else None)
    charlies = cast.other.members.select_related("account", "role", "user").get()
    make_destination(charlies, "https://example.com/9")
    return cast


def test_recorders_and_accepts_on_the_same_rows_do_not_deadlock(crowd: Cast) -> None:
    assert struggle(crowd, rounds=25, others=0) == [0]


@pytest.mark.chaos
@pytest.mark.timeout(600)
def test_people_and_chores_among_them_do_not_deadlock(crowd: Cast) -> None:
    assert struggle(crowd, rounds=30, others=2) == [0]
