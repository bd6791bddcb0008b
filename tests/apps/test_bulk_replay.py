"""Many deliveries again, as a stored job: each pair once, at its rate, from where it stood, and nobody waits for it."""

from datetime import timedelta
from typing import Any

import pytest
from django.conf import LazySettings
from django.db import IntegrityError, OperationalError, transaction
from django.db.models.functions import Now
from django.utils import timezone

from apps.accounts.services import delete_account
from apps.audit.models import Entry
from apps.common.errors import Conflict, NotAllowed
from apps.deliveries import purging, replaying
from apps.deliveries.claims import claim_due
from apps.deliveries.jobs import Replay
from apps.deliveries.ledger import differences
from apps.deliveries.models import Delivery
from apps.deliveries.replaying import clear_cancelled, replay_some
from apps.deliveries.replays import Wanted, cancel, pause, plan, resume, start
from apps.deliveries.services import replay
from apps.destinations.models import Destination
from apps.destinations.services import delete_destination
from apps.events.models import Event
from apps.logs.services import book
from tests.cast import Cast
from tests.together import together
from tests.writing import BROKEN, GOOD, deliver, once, post

FAILED = Wanted(status="failed")


@pytest.fixture
def destination(cast: Cast) -> Destination:
    return once(cast.destination("https://example.com/hook"))


def failed(cast: Cast, number: int, first: int = 0) -> None:
    post(cast, *[b"{}"] * number, first=first)
    deliver(BROKEN)


def work(job: Replay) -> Replay:
    """Until nothing is due: what has been made is paid for at once."""
    while replay_some():
        Replay.objects.update(next_at=Now())
    job.refresh_from_db()
    return job


def counts(job: Replay) -> tuple[int, int, int]:
    return job.made, job.busy, job.needless


def test_what_failed_goes_again_once_and_keeps_its_pair(cast: Cast, destination: Destination) -> None:
    failed(cast, 3)
    post(cast, b"{}", first=3)
    deliver(GOOD)
    job = start(by=cast.admin, wanted=FAILED)
    assert (job.total, job.total_exact, job.state, job.rate) == (3, True, "running", 50)
    work(job)
    assert (job.state, counts(job), job.handled) == ("done", (3, 0, 0), 3)
    firsts = set(Delivery.objects.filter(status="failed").values_list("pk", "event_id"))
    assert set(Delivery.objects.filter(job=job).values_list("replay_of", "event_id")) == firsts
    book()
    assert differences([cast.account.pk]) == {}


def test_what_arrived_by_it_is_not_sent_by_the_next(cast: Cast, destination: Destination) -> None:
    failed(cast, 2)
    work(start(by=cast.admin, wanted=FAILED))
    deliver(GOOD, BROKEN)
    job = work(start(by=cast.admin, wanted=FAILED))
    assert (job.total, counts(job)) == (
        3,
        (1, 0, 2),
    )  # three failed: one arrived since, one is named twice


@pytest.mark.parametrize(("in_the_air", "expected"), [(False, (2, 3, 1)), (True, (1, 4, 1))])
def test_what_is_on_its_way_is_left_out_and_counted(
    cast: Cast, destination: Destination, in_the_air: bool, expected: tuple[int, int, int]
) -> None:
    failed(cast, 3)
    replay(event=Event.objects.get(event_id="e0"), by=cast.admin)
    post(cast, b"{}", b"{}", first=3)
    between = Delivery.objects.filter(replay_of=None, event__event_id="e1")
    between.update(status="pending", reason="", next_attempt_at=Now())
    claim_due(10 * in_the_air)
    job = work(start(by=cast.admin, wanted=Wanted(destination_id=destination.pk)))
    assert (counts(job), Delivery.objects.filter(job=job).count()) == (expected, expected[0])


@pytest.mark.parametrize("by", ["status", "destination", "reason", "before", "after"])
def test_each_part_of_the_filter_is_kept_to(cast: Cast, destination: Destination, by: str) -> None:
    failed(cast, 2)
    other = cast.destination("https://example.com/other")
    post(cast, b"{}", first=2)
    deliver(GOOD)
    middle = Delivery.objects.filter(destination=other).get().created_at
    wanted, number = {
        "status": (Wanted(status="success"), 2),
        "destination": (Wanted(destination_id=other.pk), 1),
        "reason": (Wanted(reason="tries_ended", destination_id=destination.pk), 2),
        "before": (Wanted(created_at_before=middle, status="failed"), 2),
        "after": (Wanted(created_at_after=middle - timedelta(milliseconds=2), status="success"), 2),
    }[by]
    job = start(by=cast.admin, wanted=wanted)
    assert (job.total, counts(work(job))) == (number, (number, 0, 0))


def test_what_is_made_after_the_start_is_not_in_its_range(cast: Cast, destination: Destination) -> None:
    failed(cast, 1)
    job = start(by=cast.admin, wanted=FAILED)
    failed(cast, 1, first=1)
    assert counts(work(job)) == (1, 0, 0)
    deliver(BROKEN)
    assert Delivery.objects.filter(status="failed").count() == 3


def test_it_keeps_to_its_rate_by_the_databases_clock(cast: Cast, destination: Destination) -> None:
    failed(cast, 7)
    job = start(by=cast.admin, wanted=Wanted(status="failed", rate=2))
    assert [replay_some() for _ in range(3)] == [1, 0, 0]
    assert Delivery.objects.filter(job=job).count() == 2
    Replay.objects.update(next_at=Now() - timedelta(minutes=10))  # workers were away: it catches up with five seconds
    assert sum(replay_some() for _ in range(9)) in {3, 4}
    job.refresh_from_db()
    assert (job.state, job.made) == ("done", 7)


def test_a_clock_that_was_set_back_does_not_stop_it(cast: Cast, destination: Destination) -> None:
    failed(cast, 1)
    job = start(by=cast.admin, wanted=FAILED)
    Replay.objects.update(next_at=Now() + timedelta(hours=1))
    assert work(job).made == 1


def test_a_crash_at_any_step_neither_leaves_out_nor_doubles(
    cast: Cast, destination: Destination, monkeypatch: pytest.MonkeyPatch
) -> None:
    failed(cast, 5)
    job = start(by=cast.admin, wanted=Wanted(status="failed", rate=1))
    step, calls = replaying._step, iter(range(100))

    def crashing(*arguments: Any) -> None:
        step(*arguments)
        if next(calls) % 2 == 0:
            raise OperationalError

    monkeypatch.setattr(replaying, "_step", crashing)
    while Replay.objects.filter(state="running").exists():
        Replay.objects.update(next_at=Now())
        try:
            replay_some()
        except OperationalError:
            continue
    job.refresh_from_db()
    assert (counts(job), Delivery.objects.filter(job=job).values("event").distinct().count()) == ((5, 0, 0), 5)


def test_several_workers_share_the_jobs(cast: Cast, destination: Destination) -> None:
    failed(cast, 12)
    job = start(by=cast.admin, wanted=Wanted(status="failed", rate=3))

    def some(_: int) -> None:
        for _ in range(20):
            replay_some()
            Replay.objects.update(next_at=Now())

    assert together(3, some) == [None] * 3
    assert counts(work(job)) == (12, 0, 0)


def test_a_fault_of_ours_costs_one_job_a_minute_and_the_others_nothing(
    cast: Cast, destination: Destination, monkeypatch: pytest.MonkeyPatch
) -> None:
    failed(cast, 1)
    job = start(by=cast.admin, wanted=FAILED)
    monkeypatch.setattr(replaying, "next_of", lambda *_: 1 / 0)
    assert [replay_some(), replay_some()] == [1, 0]
    monkeypatch.undo()
    assert work(job).state == "running"
    Replay.objects.update(next_at=Now())
    assert work(job).state == "done"


def test_one_runs_in_an_account(cast: Cast, destination: Destination) -> None:
    outcomes = together(3, lambda _: start(by=cast.admin, wanted=FAILED))
    assert sorted(type(each).__name__ for each in outcomes) == ["Conflict", "Conflict", "Replay"]
    job = Replay.objects.get()
    pause(job=job, by=cast.admin)
    start(by=cast.admin, wanted=FAILED)
    with pytest.raises(Conflict):
        resume(job=job, by=cast.admin)
    with pytest.raises(IntegrityError), transaction.atomic():
        Replay.objects.update(state="running")


def test_it_stands_while_it_is_paused_and_goes_on_where_it_stood(cast: Cast, destination: Destination) -> None:
    failed(cast, 4)
    job = start(by=cast.admin, wanted=Wanted(status="failed", rate=3))
    replay_some()
    pause(job=job, by=cast.admin)
    Replay.objects.update(next_at=Now())
    assert (replay_some(), Delivery.objects.filter(job=job).count()) == (0, 3)
    resume(job=job, by=cast.admin)
    assert (counts(work(job)), job.state) == ((4, 0, 0), "done")
    for act in (pause, resume, cancel):
        with pytest.raises(Conflict):
            act(job=job, by=cast.admin)


def test_cancelling_it_cancels_what_waits_of_it_and_nothing_else(cast: Cast, destination: Destination) -> None:
    failed(cast, 5)
    job = start(by=cast.admin, wanted=Wanted(status="failed", rate=3))
    replay_some()
    (claim,) = claim_due(1)
    post(cast, b"{}", first=9)
    cancel(job=job, by=cast.admin)
    assert [clear_cancelled(), clear_cancelled()] == [2, 0]
    job.refresh_from_db()
    assert (job.state, job.clearing) == ("cancelled", True)  # a try is in the air: it may come back to wait
    Delivery.objects.filter(pk=claim.delivery_id).update(
        status="pending", next_attempt_at=Now(), lease_token=None, lease_until=None
    )
    assert [clear_cancelled(), clear_cancelled()] == [1, 0]
    assert not Replay.objects.filter(clearing=True).exists()
    assert set(Delivery.objects.filter(job=job).values_list("status", "reason")) == {("cancelled", "by_person")}
    assert Delivery.objects.get(event__event_id="e9").status == "pending"


def test_to_what_was_deleted_nothing_is_sent(cast: Cast, destination: Destination) -> None:
    failed(cast, 2)
    job = start(by=cast.admin, wanted=FAILED)
    delete_destination(destination=destination, by=cast.admin)
    assert counts(work(job)) == (0, 0, 2)
    start(by=cast.admin, wanted=FAILED)
    delete_account(by=cast.admin)
    assert replay_some() == 0


def test_it_goes_for_good_with_its_account(cast: Cast, destination: Destination, settings: LazySettings) -> None:
    failed(cast, 1)
    work(start(by=cast.admin, wanted=Wanted(destination_id=destination.pk)))
    delete_account(by=cast.admin)
    cast.account.__class__.objects.update(deleted_at=timezone.now() - timedelta(days=99))
    while purging.purge():
        pass
    assert not Replay.objects.exists()


def test_only_an_admin_may_and_the_history_says_who(cast: Cast, destination: Destination) -> None:
    for forbidden in (plan, start):
        with pytest.raises(NotAllowed):
            forbidden(by=cast.normal_user, wanted=FAILED)
    job = start(by=cast.admin, wanted=Wanted(status="failed", destination_id=destination.pk))
    for act in (pause, resume, cancel):
        with pytest.raises(NotAllowed):
            act(job=job, by=cast.normal_user)
        act(job=job, by=cast.admin)
    entries = Entry.objects.filter(action__startswith="replay.").order_by("pk")
    assert [entry.action for entry in entries] == ["replay.started", "replay.paused", "replay.resumed", "replay.cancelled"]
    assert entries[0].after.keys() == {"status", "destination_id", "created_before", "rate"}
