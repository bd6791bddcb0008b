"""Sending again: what a replay may meet, and what it ends."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import timedelta
from functools import partial
from random import Random

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, connection, transaction
from django.db.models.functions import Now
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from apps.common.errors import Conflict, NotAllowed
from apps.common.ids import uuid7
from apps.deliveries.claims import claim_due, give_back, release_all, sweep
from apps.deliveries.compose import compose
from apps.deliveries.models import Delivery
from apps.deliveries.purging import cancel_deleted
from apps.deliveries.request import Claim, Error, Outcome, Result
from apps.deliveries.services import cancel, record, replay
from apps.destinations.models import Destination
from apps.destinations.services import delete_destination, pause
from apps.events.models import Event
from apps.ingest.batch import store
from apps.logs.models import Log
from tests.cast import Cast
from tests.events import make_post
from tests.together import together

GOOD, BAD = Outcome(Error.NONE, response_status=200, latency_ms=5), Outcome(Error.TIMEOUT, latency_ms=15_000)


@pytest.fixture
def destination(cast: Cast) -> Destination:
    return cast.destination("https://example.com/hook")


@pytest.fixture
def event(cast: Cast, destination: Destination) -> Event:
    store([make_post(cast.token, cast.account, "e1", b"{}")])
    return Event.objects.get()


def result(claim: Claim, outcome: Outcome) -> Result:
    return Result(uuid7(), claim, outcome, timezone.now())


def try_once(outcome: Outcome) -> Claim:
    (claim,) = claim_due(10)
    record([result(claim, outcome)])
    return claim


def states() -> list[tuple[str, str]]:
    """Of the first delivery, then of its replays."""
    return list(Delivery.objects.order_by("id").values_list("status", "reason"))


def test_a_replay_is_a_new_delivery_with_the_same_webhook_id(cast: Cast, event: Event) -> None:
    first = try_once(GOOD)
    (made,) = replay(event=event, by=cast.admin)
    (again,) = claim_due(10)
    ids = [dict(request.headers)["webhook-id"] for each in (first, again) if (request := compose(each, timezone.now()))]
    assert ids[0] == ids[1]
    assert (made.replay_of, again.delivery_id, again.attempts) == (first.delivery_id, made.pk, 0)


def test_a_delivery_between_tries_keeps_its_schedule_until_the_replay_succeeds(cast: Cast, event: Event) -> None:
    try_once(BAD)
    due = Delivery.objects.get().next_attempt_at
    replay(event=event, by=cast.admin)
    assert Delivery.objects.get(replay_of=None).next_attempt_at == due
    try_once(GOOD)
    assert states() == [("cancelled", "replayed"), ("success", "")]


def test_a_replay_that_fails_ends_nothing(cast: Cast, event: Event) -> None:
    try_once(BAD)
    replay(event=event, by=cast.admin)
    try_once(BAD)
    assert states() == [("pending", ""), ("pending", "")]


def both_in_the_air(cast: Cast, event: Event) -> tuple[Claim, Claim]:
    """The first delivery waits, is replayed, and then both are claimed."""
    replay(event=event, by=cast.admin)
    first, again = claim_due(10)
    return (first, again) if again.replay_of else (again, first)


@pytest.mark.parametrize("together_", [True, False])
def test_one_in_the_air_that_fails_after_the_replays_success_does_not_wait_again(
    cast: Cast, event: Event, together_: bool
) -> None:
    first, again = both_in_the_air(cast, event)
    batches = [[result(first, BAD), result(again, GOOD)]] if together_ else [[result(again, GOOD)], [result(first, BAD)]]
    for batch in batches:
        record(batch)
    assert states() == [("cancelled", "replayed"), ("success", "")]
    assert Log.objects.filter(next_attempt_at=None, late=False).count() == 2


def test_one_in_the_air_that_succeeds_too_is_a_success(cast: Cast, event: Event) -> None:
    first, again = both_in_the_air(cast, event)
    record([result(again, GOOD)])
    record([result(first, GOOD)])
    assert states() == [("success", ""), ("success", "")]


@pytest.mark.parametrize("how", ["worker died", "given back", "paused meanwhile"])
def test_one_in_the_air_that_comes_back_without_a_result_is_not_sent_again(cast: Cast, event: Event, how: str) -> None:
    first, again = both_in_the_air(cast, event)
    record([result(again, GOOD)])
    if how == "given back":
        give_back([first])
        make_due()
    else:
        release_all()
    if how == "paused meanwhile":
        pause(destination=Destination.objects.get(), by=cast.admin)
    assert claim_due(10) == []
    assert states() == [("cancelled", "replayed"), ("success", "")]


def test_a_late_success_of_a_replay_counts_as_one(cast: Cast, event: Event) -> None:
    try_once(BAD)
    replay(event=event, by=cast.admin)
    (again,) = claim_due(10)
    release_all()
    record([result(again, GOOD)])
    assert states() == [("cancelled", "replayed"), ("success", "")]


def test_a_success_of_the_first_ends_no_replay(cast: Cast, event: Event) -> None:
    first, again = both_in_the_air(cast, event)
    record([result(first, GOOD)])
    record([result(again, BAD)])
    assert states() == [("success", ""), ("pending", "")]


def test_no_replay_while_a_try_is_in_the_air_and_nothing_at_all_is_made(cast: Cast, destination: Destination) -> None:
    other = cast.destination("https://example.com/other")
    store([make_post(cast.token, cast.account, "e1", b"{}")])
    (claim,) = claim_due(1)
    busy, free = (destination, other) if claim.target.id == destination.pk else (other, destination)
    with pytest.raises(Conflict, match=str(busy.pk)) as caught:
        replay(event=Event.objects.get(), by=cast.admin)
    assert str(free.pk) not in str(caught.value)
    assert Delivery.objects.count() == 2
    assert len(replay(event=Event.objects.get(), by=cast.admin, destination_id=free.pk)) == 1


def test_no_second_replay_while_one_is_open(cast: Cast, event: Event) -> None:
    try_once(GOOD)
    replay(event=event, by=cast.admin)
    with pytest.raises(Conflict):
        replay(event=event, by=cast.admin)
    try_once(GOOD)
    assert len(replay(event=event, by=cast.admin)) == 1
    assert Delivery.objects.count() == 3


def test_the_database_itself_holds_one_first_delivery_and_one_open_replay_of_a_pair(cast: Cast, event: Event) -> None:
    (first,) = Delivery.objects.all()
    replay(event=event, by=cast.admin)
    for replay_of in (None, first.pk):
        with pytest.raises(IntegrityError), transaction.atomic():
            Delivery.objects.create(account=cast.account, event=event, destination_id=first.destination_id, replay_of=replay_of)
    store([make_post(cast.token, cast.account, "e1", b"{}")])  # the same post again opens nothing
    assert Delivery.objects.count() == 2


def test_only_destinations_that_had_the_event_and_still_exist(cast: Cast, event: Event, destination: Destination) -> None:
    later = cast.destination("https://example.com/later")
    with pytest.raises(ValidationError):
        replay(event=event, by=cast.admin, destination_id=later.pk)
    delete_destination(destination=destination, by=cast.admin)
    with pytest.raises(ValidationError):
        replay(event=event, by=cast.admin, destination_id=destination.pk)
    with pytest.raises(Conflict):
        replay(event=event, by=cast.admin)
    assert Delivery.objects.count() == 1


def test_a_normal_user_sends_nothing_again_and_cancels_nothing(cast: Cast, event: Event) -> None:
    with pytest.raises(NotAllowed):
        replay(event=event, by=cast.normal_user)
    with pytest.raises(NotAllowed):
        cancel(delivery=Delivery.objects.get(), by=cast.normal_user)
    assert states() == [("pending", "")]


def test_a_paused_destination_holds_the_replay_and_a_deleted_one_cancels_it(
    cast: Cast, event: Event, destination: Destination
) -> None:
    try_once(GOOD)
    pause(destination=destination, by=cast.admin)
    (made,) = replay(event=event, by=cast.admin)
    assert claim_due(10) == []
    assert Delivery.objects.get(pk=made.pk).held
    delete_destination(destination=destination, by=cast.admin)
    assert (claim_due(10), cancel_deleted()) == ([], 1)
    assert states() == [("success", ""), ("cancelled", "deleted")]


def test_two_replays_at_once_are_one_and_one_conflict(cast: Cast, event: Event) -> None:
    try_once(GOOD)
    outcomes = together(4, lambda _: replay(event=event, by=cast.admin))
    assert sorted(type(outcome).__name__ for outcome in outcomes) == ["Conflict"] * 3 + ["list"]
    assert Delivery.objects.filter(replay_of__isnull=False).count() == 1


def test_a_replay_and_a_claim_at_once_never_send_what_is_in_the_air(cast: Cast, destination: Destination) -> None:
    for number in range(6):
        store([make_post(cast.token, cast.account, f"e{number}", b"{}")])
        event = Event.objects.get(event_id=f"e{number}")
        works = (partial(claim_due, 1), partial(replay, event=event, by=cast.admin))
        outcomes = together(2, partial(_call, works))
        refused = any(isinstance(outcome, Conflict) for outcome in outcomes)
        assert not [each for each in outcomes if isinstance(each, Exception) and not isinstance(each, Conflict)]
        assert Delivery.objects.filter(event=event).count() == (1 if refused else 2)
        Delivery.objects.filter(event=event).delete()


def _call(works: Sequence[Callable[[], object]], index: int) -> object:
    return works[index]()


@transaction.atomic
def make_due() -> None:
    waiting = Delivery.objects.filter(status="pending").order_by("pk").select_for_update(skip_locked=True, no_key=True)
    Delivery.objects.filter(pk__in=list(waiting.values_list("pk", flat=True))).update(next_attempt_at=Now())
    sweep()


def test_replays_cancels_claims_and_results_overlap_without_a_deadlock(cast: Cast) -> None:
    for name in "abc":
        cast.destination(f"https://example.com/{name}")
    store([make_post(cast.token, cast.account, f"e{n}", b"{}") for n in range(4)])
    events, by = list(Event.objects.all()), cast.admin

    def one(index: int) -> None:
        draw = Random(index)
        for _ in range(25):
            with suppress(Conflict):
                if index % 2:
                    replay(event=draw.choice(events), by=by)
                    for waiting in draw.sample(there := list(Delivery.objects.open()), min(1, len(there))):
                        cancel(delivery=waiting, by=by)
            record([result(claim, draw.choice((BAD, *[GOOD] * 9))) for claim in claim_due(5)])  # ten bad open a breaker
            make_due()

    assert together(4, one) == [None] * 4
    make_due()
    while claims := claim_due(100):
        record([result(claim, GOOD) for claim in claims])
    assert not Delivery.objects.open().exists()


def statements(outcomes: list[Result]) -> int:
    with CaptureQueriesContext(connection) as queries:
        record(outcomes)
    return len(queries)


def test_recording_a_replay_or_a_failed_try_costs_no_statement_more(cast: Cast, event: Event) -> None:
    record([result(claim_due(10)[0], GOOD)])
    numbers = []
    for event_id, outcome, again in (("e2", GOOD, False), ("e3", BAD, False), ("e4", GOOD, True)):
        store([make_post(cast.token, cast.account, event_id, b"{}")])
        if again:
            record([result(claim_due(10)[0], BAD)])
            replay(event=Event.objects.get(event_id=event_id), by=cast.admin)
        numbers.append(statements([result(claim_due(10)[0], outcome)]))
    assert [number - numbers[0] for number in numbers] == [0, -1, 0]  # what goes on leaves no slip


def test_cancel_ends_what_waits_and_what_is_in_the_air(cast: Cast, event: Event) -> None:
    (claim,) = claim_due(10)
    cancel(delivery=Delivery.objects.get(), by=cast.admin)
    record([result(claim, GOOD)])
    assert (states(), Log.objects.get().late) == ([("cancelled", "by_person")], True)
    with pytest.raises(Conflict):
        cancel(delivery=Delivery.objects.get(), by=cast.admin)
    replay(event=event, by=cast.admin)
    cancel(delivery=Delivery.objects.get(status="pending"), by=cast.admin)
    assert claim_due(10) == []


def test_recording_what_was_purged_meanwhile_leaves_its_neighbours_alone(cast: Cast, event: Event) -> None:
    store([make_post(cast.token, cast.account, "e2", b"{}")])
    claims = claim_due(10)
    gone = claims[0].delivery_id
    Delivery.objects.filter(pk=gone).update(lease_until=Now() - timedelta(seconds=1))
    Delivery.objects.filter(pk=gone).delete()
    record([result(claim, GOOD) for claim in claims])
    assert (states(), Log.objects.get().cursor) == ([("success", "")], 1)
