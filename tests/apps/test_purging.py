"""What follows a deletion: cancelled in small steps, brought back, or gone for good."""

from datetime import timedelta
from io import StringIO
from uuid import UUID

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.db.models.functions import Now
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from apps.accounts.models import Account, Token
from apps.accounts.services import delete_account, restore_account
from apps.audit.models import Entry
from apps.common.batches import delete_some
from apps.common.errors import Conflict, Missing
from apps.common.ids import uuid7
from apps.deliveries import purging
from apps.deliveries.claims import claim_due
from apps.deliveries.exports import start_export, write_exports
from apps.deliveries.models import Closing, Delivery
from apps.deliveries.purging import cancel_deleted, purge
from apps.deliveries.request import Error, Outcome, Result
from apps.deliveries.services import record
from apps.destinations.models import Destination
from apps.destinations.services import delete_destination
from apps.ingest.batch import Verdict, store
from apps.logs.models import Log
from apps.logs.services import book
from tests.browsing import everything, stands_anywhere
from tests.cast import Cast, make_destination
from tests.events import make_post
from tests.together import together

GOOD = Outcome(Error.NONE, response_status=200, latency_ms=5)
BAD = Outcome(Error.TIMEOUT, latency_ms=15_000)


@pytest.fixture
def destination(cast: Cast) -> Destination:
    return cast.destination("https://example.com/hook")


def fill(cast: Cast, number: int) -> None:
    store([make_post(cast.token, cast.account, f"e{n}", b'{"of": "alice"}') for n in range(number)])


def states() -> list[tuple[str, str]]:
    return list(Delivery.objects.order_by("id").values_list("status", "reason"))


def long_ago(cast: Cast, days: float = 7.01) -> None:
    Account.objects.filter(pk=cast.account.pk).update(deleted_at=Now() - timedelta(days=days))


def run_out() -> int:
    """Purges until nothing is left to do. How many steps it took."""
    steps = 0
    while purge():
        steps += 1
    return steps


@pytest.mark.parametrize("what", ["account", "destination"])
def test_what_waits_for_something_deleted_is_cancelled_in_steps(
    cast: Cast, destination: Destination, what: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(purging, "BATCH", 2)
    fill(cast, 5)
    Delivery.objects.update(next_attempt_at=Now() + timedelta(hours=10))
    if what == "account":
        delete_account(by=cast.admin)
    else:
        delete_destination(destination=destination, by=cast.admin)
    assert [cancel_deleted() for _ in range(4)] == [2, 2, 1, 0]
    assert states() == [("cancelled", "deleted")] * 5
    assert not Closing.objects.exists()


def test_what_belongs_to_others_goes_on(cast: Cast, destination: Destination) -> None:
    cast.destination("https://example.com/other")
    make_destination(cast.other.members.get(), "https://example.com/x")
    fill(cast, 1)
    store([make_post(cast.other_token, cast.other, "e1", b"{}")])
    delete_destination(destination=destination, by=cast.admin)
    assert (cancel_deleted(), len(claim_due(10))) == (1, 2)


def test_a_mark_stays_while_a_try_is_in_the_air(cast: Cast, destination: Destination) -> None:
    fill(cast, 1)
    (claim,) = claim_due(10)
    delete_destination(destination=destination, by=cast.admin)
    assert (cancel_deleted(), Closing.objects.count()) == (0, 1)
    record([Result(uuid7(), claim, BAD, timezone.now())])
    assert (cancel_deleted(), states(), Closing.objects.count()) == (1, [("cancelled", "deleted")], 0)


def test_two_workers_cancel_together(cast: Cast, destination: Destination, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(purging, "BATCH", 5)
    fill(cast, 40)
    delete_account(by=cast.admin)

    def work(_: int) -> None:
        while Closing.objects.exists():  # while the other one holds the mark, there is nothing to do
            cancel_deleted()

    assert together(2, work) == [None, None]
    assert states() == [("cancelled", "deleted")] * 40


def test_an_account_comes_back_with_what_was_deleted_with_it(cast: Cast, destination: Destination) -> None:
    earlier = cast.destination("https://example.com/earlier")
    delete_destination(destination=earlier, by=cast.admin)
    fill(cast, 2)
    delete_account(by=cast.admin)
    cancel_deleted()
    out = StringIO()
    call_command("restore_account", str(cast.account.pk), stdout=out)
    assert (out.getvalue(), run_out()) == (f"{cast.account.pk} is back.\n", 0)
    assert list(Destination.objects.alive()) == [destination]
    assert states() == [("cancelled", "deleted")] * 2  # stays cancelled
    assert Entry.objects.order_by("-id").values_list("action", flat=True)[0] == "account.restored"
    store([make_post(cast.token, cast.account, "new", b"{}")])
    assert (cancel_deleted(), len(claim_due(10)), Closing.objects.count()) == (0, 1, 0)


def test_what_cannot_be_brought_back(cast: Cast) -> None:
    with pytest.raises(Missing):
        restore_account(account_id=cast.account.pk)
    with pytest.raises(CommandError, match="No deleted account has this id"):
        call_command("restore_account", str(uuid7()))
    delete_account(by=cast.admin)
    long_ago(cast)
    with pytest.raises(Conflict):
        restore_account(account_id=cast.account.pk)
    assert purge() == 1  # begun, and then the setting is raised
    long_ago(cast, 1)
    assert not Token.objects.filter(account=cast.account).exists()
    with pytest.raises(Conflict):
        restore_account(account_id=cast.account.pk)


def lived(cast: Cast) -> None:
    """An account with a row in every table."""
    fill(cast, 5)
    results = [
        Result(uuid7(), claim, outcome, timezone.now()) for claim, outcome in zip(claim_due(3), (GOOD, BAD, GOOD), strict=True)
    ]
    record(results)
    start_export(by=cast.admin)
    for _ in range(3):
        write_exports()


def test_a_purge_leaves_the_history_and_the_others(cast: Cast, destination: Destination) -> None:
    before = {table: set(rows) for table, rows in everything().items()}
    lived(cast)
    delete_account(by=cast.admin)
    long_ago(cast)
    book()
    assert run_out() > 8
    after = {table: set(rows) for table, rows in everything().items()}
    assert not Account.objects.filter(pk=cast.account.pk).exists()
    assert not stands_anywhere("of-alice")
    assert not [table for table in after if after[table] - before.get(table, set()) and table != "audit_entry"]
    assert Account.objects.get().pk == cast.other.pk
    actions = set(Entry.objects.filter(account_id=cast.account.pk).values_list("action", flat=True))
    assert {"account.created", "account.deleted", "account.purged"} <= actions


def test_a_purge_goes_on_where_a_crash_left_it(cast: Cast, destination: Destination, monkeypatch: pytest.MonkeyPatch) -> None:
    lived(cast)
    delete_account(by=cast.admin)
    long_ago(cast)
    step, calls = purging._step, iter(range(1000))

    def crashing(account_id: UUID) -> int:
        done = step(account_id)
        if next(calls) % 2:
            raise RuntimeError
        return done

    monkeypatch.setattr(purging, "_step", crashing)
    while Account.objects.filter(pk=cast.account.pk).exists():
        try:
            purge()
        except RuntimeError:
            continue
    assert not Delivery.objects.exists()


def test_no_step_deletes_more_than_its_batch(cast: Cast, destination: Destination) -> None:
    fill(cast, 5)
    assert [delete_some(Delivery.objects.all(), 2) for _ in range(4)] == [2, 2, 1, 0]


def test_an_account_is_kept_for_its_days_and_a_dry_run_changes_nothing(cast: Cast, destination: Destination) -> None:
    fill(cast, 2)
    delete_account(by=cast.admin)
    long_ago(cast, 6.99)
    assert purge() == 0
    long_ago(cast)
    before, out = everything(), StringIO()
    call_command("purge", "--dry-run", stdout=out)
    assert f"{cast.account.pk}: 2 deliveries, 0 logs, 2 events, 1 destinations, 2 members" in out.getvalue()
    assert everything() == before
    call_command("purge", stdout=out)
    assert "Rows deleted: " in out.getvalue()
    assert not Account.objects.filter(pk=cast.account.pk).exists()


def test_two_workers_purge_together(cast: Cast, destination: Destination) -> None:
    lived(cast)
    delete_account(by=cast.admin)
    long_ago(cast)
    outcomes = together(2, lambda _: [purge() for _ in range(40)])
    assert not [each for each in outcomes if isinstance(each, Exception)]
    run_out()
    assert not Account.objects.filter(pk=cast.account.pk).exists()


def test_a_record_and_an_accept_of_a_purged_account_leave_their_neighbours_alone(cast: Cast, destination: Destination) -> None:
    make_destination(cast.other.members.get(), "https://example.com/x")
    fill(cast, 1)
    store([make_post(cast.other_token, cast.other, "e1", b"{}")])
    claims = claim_due(10)
    delete_account(by=cast.admin)
    long_ago(cast)
    run_out()
    record([Result(uuid7(), claim, GOOD, timezone.now()) for claim in claims])
    assert (states(), Log.objects.get().account_id) == ([("success", "")], cast.other.pk)
    posts = [make_post(token, account, "e2", b"{}") for token, account in
             ((cast.token, cast.account), (cast.other_token, cast.other))]  # fmt: skip
    assert store(posts) == [Verdict.NO_TOKEN, Verdict.STORED]


def test_cancelling_costs_the_same_for_one_and_for_fifty(cast: Cast, destination: Destination) -> None:
    costs = []
    for number in (1, 50):
        store([make_post(cast.token, cast.account, f"{number}-{n}", b"{}") for n in range(number)])
        purging.mark_closing(account_id=cast.account.pk)
        Account.objects.filter(pk=cast.account.pk).update(deleted_at=Now())
        with CaptureQueriesContext(connection) as queries:
            assert cancel_deleted() == number
        costs.append(len(queries))
        Account.objects.filter(pk=cast.account.pk).update(deleted_at=None)
    assert costs[0] == costs[1]
