"""What a claim takes, in which turn, and what it puts aside; how that comes back."""

from collections import Counter
from datetime import timedelta
from random import Random
from typing import Any

import pytest
from django.db import connection, transaction
from django.db.models.functions import Now
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from apps.accounts.models import Account, Member
from apps.accounts.services import create_account
from apps.common.ids import uuid7
from apps.deliveries import admission, claims
from apps.deliveries.claims import claim_due, claim_suspect, give_back, release_all, suspect_due, sweep
from apps.deliveries.holding import bring_back
from apps.deliveries.models import Delivery, Opening
from apps.deliveries.purging import cancel_deleted
from apps.deliveries.request import Claim, Error, Outcome, Result
from apps.deliveries.services import cancel, record, replay
from apps.destinations.models import Destination
from apps.destinations.services import delete_destination, disable, pause, resume, update_destination
from apps.events.models import Event
from apps.ingest.batch import store
from tests.cast import Cast, make_destination
from tests.events import make_post
from tests.together import together

READY, LATER, HELD = Delivery.Queue.READY, Delivery.Queue.LATER, Delivery.Queue.HELD
GOOD, BAD = Outcome(Error.NONE, response_status=200, latency_ms=5), Outcome(Error.TIMEOUT, latency_ms=15_000)


@pytest.fixture
def destination(cast: Cast) -> Destination:
    return cast.destination("https://example.com/hook")


def post(cast: Cast, number: int, first: int = 0) -> None:
    store([make_post(cast.token, cast.account, f"e{first + n}", b"{}") for n in range(number)])


def report(taken: list[Claim], outcome: Outcome) -> None:
    record([Result(uuid7(), claim, outcome, timezone.now()) for claim in taken])


def places() -> Counter[int]:
    return Counter(Delivery.objects.filter(status="pending").values_list("queue", flat=True))


def tenants(cast: Cast, number: int, each: int) -> list[Account]:
    """Accounts with a destination and `each` events."""
    made = []
    for index in range(number):
        account, token = create_account(by=cast.charlie, account_name=f"account {index}")
        make_destination(Member.objects.get(account=account, user=cast.charlie), "https://example.com/hook")
        store([make_post(token, account, f"e{n}", b"{}") for n in range(each)])
        made.append(account)
    return made


class TestTurns:
    def test_a_large_backlog_keeps_nobody_waiting(self, cast: Cast, destination: Destination) -> None:
        post(cast, 60)
        small = tenants(cast, 4, each=3)
        first = Counter(claim.account_id for claim in claim_due(10))
        assert first == {cast.account.pk: 2} | {account.pk: 2 for account in small}

    def test_the_accounts_take_turns_and_it_goes_round(self, cast: Cast) -> None:
        tenants(cast, 7, each=6)
        for taken in range(1, 15):
            assert len(claim_due(3)) == 3
            counts = Counter(Delivery.objects.filter(status="delivering").values_list("account", flat=True))
            assert sum(counts.values()) == 3 * taken
            assert max(counts.values()) - min([*counts.values(), *([0] * (7 - len(counts)))]) <= 1

    def test_the_least_served_gets_its_share(self, cast: Cast) -> None:
        accounts, draw = tenants(cast, 9, each=30), Random(1)
        served = Counter(claim.account_id for _ in range(20) for claim in claim_due(draw.randint(1, 9)))
        assert min(served[account.pk] for account in accounts) >= 0.8 * sum(served.values()) / 9

    def test_who_has_its_share_is_left_out_and_the_others_behind_it_are_found(self, cast: Cast) -> None:
        accounts = [account.pk for account in tenants(cast, 5, each=9)]
        assert Counter(claim.account_id for claim in claim_due(3, without=sorted(accounts)[:4])) == {max(accounts): 3}
        others = claim_due(40, each=2, without=accounts[:1])
        assert Counter(claim.account_id for claim in others) == dict.fromkeys(accounts[1:], 2)
        assert not claim_due(40, without=accounts)
        assert len(claim_due(45)) == 45 - 3 - 8

    def test_inside_an_account_the_oldest_goes_first(self, cast: Cast, destination: Destination) -> None:
        for number in range(5):
            post(cast, 1, first=number)
        assert [claim.event_id for size in (2, 2, 2) for claim in claim_due(size)] == [f"e{n}" for n in range(5)]

    def test_workers_at_the_same_time_take_each_once(self, cast: Cast) -> None:
        tenants(cast, 3, each=40)
        outcomes = together(4, lambda _: [claim.delivery_id for _ in range(6) for claim in claim_due(10)])
        taken = [pk for each in outcomes if isinstance(each, list) for pk in each]
        taken += [claim.delivery_id for claim in claim_due(200)]
        assert (len(taken), len(set(taken))) == (120, 120)

    def test_an_event_is_read_once_whatever_its_fan_out(
        self, cast: Cast, destination: Destination, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(admission, "due", lambda: False)  # a look at the gates comes once a second
        for name in "abc":
            cast.destination(f"https://example.com/{name}")
        post(cast, 2)
        with CaptureQueriesContext(connection) as seen:
            taken = claim_due(20)
        assert [claim.body for claim in taken] == [b"{}"] * 8
        assert len([query for query in seen if "UPDATE" in query["sql"] or "SELECT" in query["sql"]]) <= 3

    def test_a_changed_destination_is_read_anew(self, cast: Cast, destination: Destination) -> None:
        post(cast, 2)
        (before,) = claim_due(1)
        update_destination(destination=destination, by=cast.admin, changes={"timeout_s": 7})
        (after,) = claim_due(1)
        assert (before.target.timeout_s, after.target.timeout_s, after.lease_s) == (15, 7, 37)


class TestLater:
    def test_a_retry_waits_where_no_claim_looks_until_a_sweep_finds_it_due(self, cast: Cast, destination: Destination) -> None:
        post(cast, 3)
        report(claim_due(10), BAD)
        assert (places(), sweep(), claim_due(10)) == ({LATER: 3}, 0, [])
        Delivery.objects.filter(event__event_id="e1").update(next_attempt_at=Now() - timedelta(seconds=1))
        sweep()
        assert places() == {LATER: 2, READY: 1}
        assert [claim.event_id for claim in claim_due(10)] == ["e1"]

    def test_all_that_fall_due_at_once_are_made_ready(
        self, cast: Cast, destination: Destination, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(claims, "BATCH", 2)
        post(cast, 7)
        Delivery.objects.update(queue=LATER)
        sweep()
        assert places() == {READY: 7}

    def test_what_is_given_back_waits_a_little(self, cast: Cast, destination: Destination) -> None:
        post(cast, 1)
        give_back(claim_due(1))
        assert (places(), claim_due(1)) == ({LATER: 1}, [])


class TestHeld:
    def test_a_claim_puts_aside_what_is_for_a_closed_destination(self, cast: Cast, destination: Destination) -> None:
        post(cast, 5)
        pause(destination=destination, by=cast.admin)
        assert (claim_due(2), places()) == ([], {HELD: 5})
        resume(destination=destination, by=cast.admin)
        assert (bring_back(), Opening.objects.count(), len(claim_due(10))) == (5, 0, 5)

    def test_it_goes_on_to_the_others_behind(
        self, cast: Cast, destination: Destination, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("apps.deliveries.holding.BATCH", 4)
        post(cast, 10)
        with transaction.atomic():
            disable(destination_ids=[destination.pk], reason="answered 410 Gone")
        open_one = cast.destination("https://example.com/open")
        post(cast, 1, first=10)
        assert [claim.target.id for claim in claim_due(2)] == [open_one.pk]

    def test_paused_again_while_it_comes_back_it_is_put_aside_again(
        self, cast: Cast, destination: Destination, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("apps.deliveries.holding.BATCH", 2)
        post(cast, 5)
        pause(destination=destination, by=cast.admin)
        assert claim_due(10) == []
        resume(destination=destination, by=cast.admin)
        assert (bring_back(), places()) == (2, {READY: 2, HELD: 3})
        pause(destination=destination, by=cast.admin)
        assert (bring_back(), Opening.objects.count(), claim_due(10), places()) == (0, 0, [], {HELD: 5})

    def test_two_marks_bring_each_back_once(self, cast: Cast, destination: Destination) -> None:
        post(cast, 3)
        pause(destination=destination, by=cast.admin)
        assert claim_due(10) == []
        for _ in range(2):
            resume(destination=destination, by=cast.admin)
        assert (bring_back(), bring_back(), Opening.objects.count()) == (3, 0, 0)

    def test_a_replay_a_cancel_and_a_deletion_reach_what_is_held(self, cast: Cast, destination: Destination) -> None:
        post(cast, 3)
        (taken,) = claim_due(1)
        report([taken], BAD)
        pause(destination=destination, by=cast.admin)
        assert claim_due(10) == []
        cancel(delivery=Delivery.objects.get(event__event_id="e1"), by=cast.admin)
        replay(event=Event.objects.get(event_id="e2"), by=cast.admin)
        delete_destination(destination=destination, by=cast.admin)
        assert (claim_due(10), cancel_deleted()) == ([], 2)
        assert not Delivery.objects.open().exists()

    def test_a_suspect_is_put_aside_too(self, cast: Cast, destination: Destination) -> None:
        post(cast, 2)
        Delivery.objects.update(lost_leases=2)
        pause(destination=destination, by=cast.admin)
        assert (suspect_due(), claim_suspect(), suspect_due(), places()) == (True, [], False, {HELD: 2})
        resume(destination=destination, by=cast.admin)
        assert (bring_back(), claim_due(10), len(claim_suspect())) == (2, [], 1)

    @pytest.mark.postgres
    def test_whoever_holds_the_destination_keeps_no_claim_waiting(self, cast: Cast, destination: Destination) -> None:
        post(cast, 2)
        pause(destination=destination, by=cast.admin)
        with transaction.atomic():
            resume(destination=destination, by=cast.admin)  # not committed yet
            assert together(1, lambda _: claim_due(10)) == [[]]
            assert places() == {READY: 2}
        assert len(claim_due(10)) == 2

    @pytest.mark.postgres
    def test_pauses_resumes_and_claims_at_the_same_time_strand_nothing(self, cast: Cast, destination: Destination) -> None:
        post(cast, 40)
        by = cast.admin

        def one(index: int) -> None:
            for turn in range(25):
                if index == 0:
                    (resume if turn % 2 else pause)(destination=destination, by=by)
                elif index == 1:
                    bring_back()
                else:
                    report(claim_due(3)[:1], GOOD)
                    release_all()

        assert together(4, one) == [None] * 4
        resume(destination=destination, by=by)
        while bring_back() or Opening.objects.exists():
            pass
        release_all()
        Delivery.objects.update(lost_leases=0)
        assert places()[HELD] == 0
        assert len(claim_due(100)) == Delivery.objects.open().count()


@pytest.mark.embedded
def test_what_a_worker_looks_for_each_second_costs_no_more_with_much_in_the_table(transactional_db: None) -> None:
    plans = list[str]()

    def explain(execute: Any, sql: str, given: Any, many: bool, context: Any) -> Any:
        if sql.startswith("SELECT") and "deliveries_delivery" in sql:
            steps = connection.connection.execute(f"EXPLAIN QUERY PLAN {sql.replace('%s', '?')}", given or ()).fetchall()
            plans.extend(step[3] for step in steps)
        return execute(sql, given, many, context)

    with connection.execute_wrapper(explain):
        sweep()
        assert not suspect_due()
    whole = {plan for plan in plans if plan.startswith("SCAN") and "delivery_suspect" not in plan}
    assert (len(plans) >= 4, whole) == (True, set())
