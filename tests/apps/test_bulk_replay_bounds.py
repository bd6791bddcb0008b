"""What a bulk replay costs, and what it does beside others."""

from contextlib import suppress
from random import Random

import pytest
from django.db import connection
from django.db.models.functions import Now
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from apps.common.errors import Conflict
from apps.common.ids import uuid7
from apps.deliveries import matching
from apps.deliveries.claims import claim_due
from apps.deliveries.jobs import Replay
from apps.deliveries.models import Delivery
from apps.deliveries.replaying import replay_some
from apps.deliveries.replays import Wanted, plan, start
from apps.deliveries.request import Result
from apps.deliveries.services import record, replay
from apps.destinations.models import Destination
from apps.events.models import Event
from tests.apps.test_bulk_replay import FAILED, counts, failed, work
from tests.cast import Cast
from tests.together import together
from tests.writing import BROKEN, GOOD, once


@pytest.fixture
def destination(cast: Cast) -> Destination:
    return once(cast.destination("https://example.com/hook"))


def test_a_count_stops_at_its_bound_and_says_so(cast: Cast, destination: Destination, monkeypatch: pytest.MonkeyPatch) -> None:
    failed(cast, 6)
    monkeypatch.setattr(matching, "_PIECE", 2)
    assert plan(by=cast.admin, wanted=FAILED).total_exact
    assert plan(by=cast.admin, wanted=FAILED).total == 6
    monkeypatch.setattr(matching, "COUNTED_MAX", 4)
    job = plan(by=cast.admin, wanted=FAILED)
    assert (job.total, job.total_exact, Replay.objects.count()) == (4, False, 0)
    assert plan(by=cast.admin, wanted=Wanted(destination_id=destination.pk, status="success")).total == 0


def test_a_step_costs_as_many_statements_for_1_as_for_50(cast: Cast, destination: Destination) -> None:
    numbers = []
    for first, number in ((0, 1), (1, 50)):
        failed(cast, number, first=first)
        start(by=cast.admin, wanted=FAILED)
        with CaptureQueriesContext(connection) as queries:
            assert replay_some() == 1
        numbers.append(len(queries))
        Replay.objects.update(state="done", finished_at=Now())
    assert numbers[0] == numbers[1]


def test_jobs_single_replays_claims_and_results_overlap_without_a_deadlock_or_a_double(
    cast: Cast, destination: Destination
) -> None:
    once(cast.destination("https://example.com/other"))
    failed(cast, 12)
    job, by, events = start(by=cast.admin, wanted=Wanted(status="failed", rate=3)), cast.admin, list(Event.objects.all())

    def one(index: int) -> None:
        draw = Random(index)
        for _ in range(15):
            if index % 2:
                replay_some()
                Replay.objects.update(next_at=Now())
            else:
                with suppress(Conflict):
                    replay(event=draw.choice(events), by=by)
            claims = claim_due(4)
            record([Result(uuid7(), claim, draw.choice((GOOD, BROKEN)), timezone.now()) for claim in claims])

    assert together(4, one) == [None] * 4
    assert sum(counts(work(job))) == job.handled >= 24
    assert job.made == Delivery.objects.filter(job=job).count()
