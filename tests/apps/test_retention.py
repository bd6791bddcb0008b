"""What is older than its days goes, in small steps and without disturbing anybody; what is not ended stays, with its data."""

from collections.abc import Callable, Sequence
from datetime import timedelta
from io import StringIO
from uuid import UUID

import pytest
from django.core.management import call_command
from django.db import connection
from django.db.models.functions import Now
from django.test.utils import CaptureQueriesContext

from apps.common.ids import first_at
from apps.deliveries import retention
from apps.deliveries.claims import claim_due
from apps.deliveries.glance import glance
from apps.deliveries.jobs import Replay
from apps.deliveries.ledger import differences
from apps.deliveries.models import Delivery
from apps.deliveries.replaying import replay_some
from apps.deliveries.replays import Wanted, start
from apps.deliveries.retention import Step
from apps.deliveries.selectors import database_now
from apps.deliveries.services import replay
from apps.destinations.models import Destination
from apps.destinations.services import pause
from apps.events.models import Event, NewEvent, Unindexed, Words
from apps.events.services import store_events
from apps.ingest import batch
from apps.ingest.batch import Verdict, store
from apps.logs.models import Flow, Log, LogCounter, Slip, Tally
from apps.logs.selectors import entries_after, oldest
from apps.logs.services import book, roll_up
from tests.browsing import everything
from tests.cast import Cast
from tests.events import make_post
from tests.holding import holding
from tests.together import together
from tests.writing import BROKEN, GOOD, ago, deliver, once, post, report


@pytest.fixture
def destination(cast: Cast) -> Destination:
    return once(cast.destination("https://example.com/hook"))


@pytest.fixture
def all_is_old(monkeypatch: pytest.MonkeyPatch) -> None:
    """As after the days of all settings."""
    monkeypatch.setattr(retention, "_end_of", lambda _: database_now() + timedelta(minutes=1))
    monkeypatch.setattr(retention, "_MINUTES_KEPT", timedelta(minutes=-1))


def run(step: Callable[[], Step]) -> int:
    """A round, and how many rows went."""
    rows, going = 0, True
    while going:
        done = step()
        rows, going = rows + done.rows, done.more
    return rows


def settled() -> None:
    roll_up()
    while book():
        pass


def test_what_is_delivered_and_what_was_given_up_goes_with_all_that_belongs_to_it(
    cast: Cast, destination: Destination, all_is_old: None
) -> None:
    post(cast, b'{"of": "alice"}', b"{}", b"[]")
    deliver(GOOD, BROKEN, GOOD)
    settled()
    assert run(retention.remove_events) == 3 + 3 + 3
    for model in (Event, Words, Unindexed, Delivery, Log):
        assert not model.objects.exists()
    settled()
    assert differences([cast.account.pk]) == {}
    ledger = glance(cast.account.pk, "15m").ledger
    assert (ledger.accepted, ledger.delivered, ledger.failed, ledger.waiting) == (3, 2, 1, 0)


def test_what_is_not_ended_keeps_its_event_and_its_logs(cast: Cast, destination: Destination, all_is_old: None) -> None:
    other = cast.destination("https://example.com/other", retry_schedule=[60])
    post(cast, b"{}")
    deliver(BROKEN)  # the one has failed, the other is tried again
    before = everything()
    assert (run(retention.remove_events), Event.objects.count(), Delivery.objects.count()) == (0, 1, 2)
    assert run(retention.remove_logs) == 1
    assert Log.objects.get().destination_id == other.pk
    assert everything()["events_event"] == before["events_event"]


def test_a_replay_that_waits_keeps_its_event(cast: Cast, destination: Destination, all_is_old: None) -> None:
    post(cast, b"{}")
    deliver(GOOD)
    replay(event=Event.objects.get(), by=cast.admin)
    assert (run(retention.remove_events), Event.objects.count()) == (0, 1)
    deliver(GOOD)
    assert (run(retention.remove_events), Event.objects.count()) == (5, 0)


@pytest.mark.parametrize(("days", "left"), [(91, 0), (89, 1)])
def test_an_event_is_kept_for_its_days(cast: Cast, destination: Destination, days: int, left: int) -> None:
    aged = make_post(cast.token, cast.account, "e1", b"{}")
    aged.event.id = first_at(ago(days=days))
    store([aged])
    deliver(GOOD)
    Event.objects.update(received_timestamp=Now() - timedelta(days=days))
    run(retention.remove_events)
    assert (Event.objects.count(), Delivery.objects.count()) == (left, left)


def test_what_a_clock_that_was_behind_made_is_not_removed_early(cast: Cast, destination: Destination) -> None:
    behind = make_post(cast.token, cast.account, "e1", b"{}")
    behind.event.id = first_at(ago(days=200))
    store([behind])
    deliver(GOOD)
    run(retention.remove_events)
    assert Event.objects.count() == 1


def test_logs_go_before_their_events_when_they_are_kept_for_less(
    cast: Cast, destination: Destination, all_is_old: None
) -> None:
    post(cast, b"{}", b"{}")
    deliver(GOOD)
    assert (run(retention.remove_logs), Log.objects.count(), Event.objects.count()) == (2, 0, 2)
    assert run(retention.remove_events) == 2 + 2


def test_the_counter_goes_on_and_who_resumes_from_before_is_told(
    cast: Cast, destination: Destination, all_is_old: None
) -> None:
    post(cast, b"{}", b"{}")
    deliver(GOOD)
    assert oldest(cast.account.pk) == 1
    run(retention.remove_logs)
    assert oldest(cast.account.pk) == 3
    post(cast, b"{}", first=2)
    deliver(GOOD)
    assert (oldest(cast.account.pk), LogCounter.objects.get(pk=cast.account.pk).value) == (3, 3)
    assert [entry.cursor for entry in entries_after(cast.account.pk, 2, 10)] == [3]


def test_no_step_takes_more_than_its_batch(
    cast: Cast, destination: Destination, all_is_old: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention, "BATCH", 2)
    post(cast, *[b"{}"] * 5)
    deliver(GOOD)
    steps = [retention.remove_events() for _ in range(10)]  # logs, deliveries, events; and again
    assert [step.rows for step in steps] == [2] * 6 + [1] * 3 + [0]
    assert [step.more for step in steps] == [True] * 9 + [False]


def test_what_is_left_out_does_not_hold_up_what_comes_behind(
    cast: Cast, destination: Destination, all_is_old: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention, "BATCH", 2)
    post(cast, *[b"{}"] * 8)
    deliver(GOOD)
    stuck = Event.objects.filter(event_id__in=["e0", "e1", "e2", "e3", "e5"])
    Delivery.objects.filter(event__in=stuck).update(status="pending", next_attempt_at=Now() + timedelta(days=3))
    run(retention.remove_events)
    assert sorted(Event.objects.values_list("event_id", flat=True)) == ["e0", "e1", "e2", "e3", "e5"]


def test_a_late_result_of_what_is_gone_is_left_out(cast: Cast, destination: Destination, all_is_old: None) -> None:
    post(cast, b"{}")
    claims = claim_due(1)
    Delivery.objects.update(status="cancelled", reason="by_person", lease_token=None, lease_until=None)
    run(retention.remove_events)
    report(claims, GOOD)
    assert (Log.objects.count(), Event.objects.count()) == (0, 0)


@pytest.mark.postgres
def test_what_somebody_holds_is_left_for_the_next_round(cast: Cast, destination: Destination, all_is_old: None) -> None:
    post(cast, b"{}", b"{}")
    deliver(GOOD)
    run(retention.remove_logs)
    with holding("SELECT 1 FROM deliveries_delivery WHERE account_id = %s ORDER BY id LIMIT 1 FOR UPDATE", cast.account):
        run(retention.remove_events)
        assert (Event.objects.count(), Delivery.objects.count()) == (1, 1)
    run(retention.remove_events)
    assert not Event.objects.exists()


def test_several_workers_share_it(cast: Cast, destination: Destination, all_is_old: None) -> None:
    post(cast, *[b"{}"] * 40)
    deliver(GOOD)
    outcomes = together(4, lambda _: [step() for _ in range(10) for step in (retention.remove_logs, retention.remove_events)])
    assert not [each for each in outcomes if isinstance(each, Exception)]
    run(retention.remove_events)
    settled()
    assert (Event.objects.count(), Log.objects.count(), differences([cast.account.pk])) == (0, 0, {})
    removed = Flow.objects.get(span_s=1)
    assert (removed.accepted, removed.delivered) == (40, 40)


def test_what_a_paused_destination_held_too_long_expires(cast: Cast, destination: Destination, all_is_old: None) -> None:
    going = once(cast.destination("https://example.com/going"))
    pause(destination=destination, by=cast.admin)
    post(cast, b"{}")
    claim_due(10)  # puts aside what is for the paused one
    assert run(retention.expire_held) == 1
    ended = Delivery.objects.get(destination=destination)
    assert (ended.status, ended.reason, ended.next_attempt_at) == ("failed", "expired", None)
    assert Delivery.objects.get(destination=going).status == "delivering"
    settled()
    assert differences([cast.account.pk]) == {}


def test_sums_of_what_is_gone_go_and_the_ledger_stays(cast: Cast, destination: Destination, all_is_old: None) -> None:
    post(cast, b"{}")
    deliver(GOOD)
    settled()
    assert run(retention.remove_sums) > 4
    assert (Tally.objects.count(), set(Flow.objects.values_list("span_s", flat=True))) == (0, {0})
    assert not Slip.objects.exists()


def test_sums_are_kept_for_their_days(cast: Cast, destination: Destination) -> None:
    post(cast, b"{}")
    deliver(GOOD)
    Slip.objects.update(at=ago())  # all of one minute
    settled()
    before = everything()
    assert run(retention.remove_sums) == 0
    Flow.objects.filter(span_s=60).update(start=ago(days=3))
    assert run(retention.remove_sums) == 2  # of the destination, of the events
    assert {table for table, rows in everything().items() if rows != before[table]} == {"logs_flow"}


def test_a_replay_that_ended_goes_after_what_it_made(cast: Cast, destination: Destination, all_is_old: None) -> None:
    post(cast, b"{}")
    deliver(BROKEN)
    start(by=cast.admin, wanted=Wanted(status="failed"))
    while replay_some():
        pass
    deliver(GOOD)
    Replay.objects.update(finished_at=Now() - timedelta(days=91))
    assert (run(retention.remove_replays), Replay.objects.count()) == (0, 1)
    run(retention.remove_events)
    assert (run(retention.remove_replays), Replay.objects.count()) == (1, 0)


def test_a_step_costs_the_same_for_one_and_for_fifty(cast: Cast, destination: Destination, all_is_old: None) -> None:
    costs = []
    for number in (1, 50):
        post(cast, *[b"{}"] * number, first=number)
        deliver(GOOD)
        with CaptureQueriesContext(connection) as queries:
            assert run(retention.remove_events) == 3 * number
        costs.append(len(queries))
    assert costs[0] == costs[1]


def test_a_post_whose_old_event_goes_just_then_is_sent_again_and_its_neighbours_are_stored(
    cast: Cast, destination: Destination, monkeypatch: pytest.MonkeyPatch
) -> None:
    stored = store_events

    def but_the_first(*, events: Sequence[NewEvent]) -> dict[tuple[UUID, str], tuple[UUID, bytes]]:
        found = stored(events=events)
        Event.objects.filter(event_id="old").delete()
        return {key: row for key, row in found.items() if key[1] != "old"}

    monkeypatch.setattr(batch, "store_events", but_the_first)
    posts = [make_post(cast.token, cast.account, event_id, b"{}") for event_id in ("old", "new")]
    assert store(posts, repeated=True) == [Verdict.LOCKED, Verdict.STORED]  # in several statements
    assert Delivery.objects.get().event.event_id == "new"


def test_the_command_says_what_it_would_do_and_does_it(cast: Cast, destination: Destination, all_is_old: None) -> None:
    post(cast, b"{}", b"{}")
    deliver(GOOD, BROKEN)
    settled()
    Delivery.objects.filter(status="failed").update(status="pending", reason="", next_attempt_at=Now() + timedelta(days=1))
    before, said = everything(), StringIO()
    call_command("purge", "--dry-run", stdout=said)
    assert "Events older than 90 days, delivered or ended: 1\nLogs older than 90 days: 1\n" in said.getvalue()
    assert everything() == before
    call_command("purge", stdout=said)
    assert (Event.objects.count(), Log.objects.count()) == (1, 1)
