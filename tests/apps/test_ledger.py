"""The ledger: whatever happens to deliveries, it is counted once, and nobody waits for the counting."""

from collections.abc import Callable
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext

from apps.common.ids import uuid7
from apps.deliveries.ledger import differences
from apps.deliveries.models import Delivery
from apps.deliveries.services import cancel, replay
from apps.destinations.models import Destination
from apps.events.models import Event
from apps.ingest import batch
from apps.logs import services
from apps.logs.models import EVENTS, KINDS, Flow, Slip
from apps.logs.services import book, note
from apps.logs.tally import packed, unpacked
from tests.browsing import everything
from tests.cast import Cast
from tests.events import make_post
from tests.holding import holding
from tests.together import together
from tests.writing import GOOD, ago, deliver, post


@pytest.fixture
def destination(cast: Cast) -> Destination:
    return cast.destination("https://example.com/hook", retry_schedule=[60])


def booked(destination: Destination, **span: Any) -> tuple[int, ...]:
    """accepted, delivered, failed, cancelled"""
    flow = Flow.objects.get(destination=destination.pk, **(span or {"span_s": 0}))
    return tuple(getattr(flow, kind) for kind in KINDS)


def check() -> str:
    call_command("check_ledger", stdout=(said := StringIO()))
    return said.getvalue()


def test_what_is_accepted_is_delivered_or_waits_or_failed_or_was_cancelled(cast: Cast, destination: Destination) -> None:
    post(cast, b"{}", b"[]")
    deliver(GOOD)
    replay(event=Event.objects.get(event_id="e0"), by=cast.admin)
    cancel(delivery=Delivery.objects.get(status="pending"), by=cast.admin)
    post(cast, b"{}", first=2)
    assert differences([cast.account.pk]) == {}
    Slip.objects.update(at=ago())  # all of one minute
    book()
    assert [booked(destination, span_s=span) for span in (0, 60, 3600)] == [(4, 2, 0, 1)] * 3
    assert Flow.objects.get(destination=EVENTS, span_s=0).accepted == 3
    assert not Slip.objects.exists()
    assert differences([cast.account.pk]) == {}


def test_a_batch_whose_commit_was_unknown_counts_once(cast: Cast, destination: Destination) -> None:
    posts = [make_post(cast.token, cast.account, f"e{number}", b"{}") for number in range(3)]
    batch.store(posts[:2])
    late = cast.destination("https://example.com/late")
    batch.store(posts, repeated=True)
    book()
    assert (booked(destination)[0], booked(late)[0]) == (3, 3)
    assert Flow.objects.get(destination=EVENTS, span_s=0).accepted == 3
    assert differences([cast.account.pk]) == {}


def test_bookers_share_the_slips_and_one_that_dies_changes_nothing(
    cast: Cast, destination: Destination, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(30):
        post(cast, b"{}", first=number)
    monkeypatch.setattr(services, "_LINES_AT_ONCE", dict.fromkeys(("postgresql", "sqlite"), 5))

    def die(_: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(services, "_add_flows", die)
        with pytest.raises(KeyboardInterrupt):
            book()
    assert not Flow.objects.exists()
    together(4, lambda _: [book() for _ in range(20)])
    while book():
        pass
    assert booked(destination)[0] == 30


def test_the_command_says_that_all_is_well_and_changes_nothing(cast: Cast, destination: Destination) -> None:
    post(cast, b"{}")
    before = everything()
    assert check() == "The ledger balances. Accounts: 2\n"
    assert everything() == before


def lose_a_delivery() -> None:
    Delivery.objects.all()[:1].get().delete()


def count_twice() -> None:
    Flow.objects.filter(span_s=0).update(accepted=4)


@pytest.mark.parametrize(("harm", "counted", "there"), [(lose_a_delivery, 2, 1), (count_twice, 4, 2)])
def test_the_command_names_what_differs(
    cast: Cast, destination: Destination, harm: Callable[[], None], counted: int, there: int
) -> None:
    post(cast, b"{}", b"[]")
    book()
    harm()
    said = StringIO()
    with pytest.raises(CommandError, match="does not balance: 1 differences"):
        call_command("check_ledger", "--account", str(cast.account.pk), stdout=said)
    place = f"account {cast.account.pk}, destination {destination.pk}"
    assert said.getvalue() == f"{place}: {counted} accepted counted, {there} there\n"
    call_command("check_ledger", "--account", str(cast.other.pk), stdout=said)


def test_an_account_that_is_not_there_is_an_error(store: None) -> None:
    with pytest.raises(CommandError, match="no such account"):
        call_command("check_ledger", "--account", str(uuid7()))


@pytest.mark.postgres
def test_neither_accepting_nor_recording_waits_for_who_holds_the_flows(cast: Cast, destination: Destination) -> None:
    post(cast, b"{}")
    book()
    with holding("SELECT 1 FROM logs_flow WHERE account_id = %s FOR UPDATE", cast.account):
        post(cast, b"{}", first=1)
        deliver(GOOD)
    assert (Slip.objects.count(), differences([cast.account.pk])) == (2, {})


def test_a_transaction_leaves_one_slip_whatever_it_counts(cast: Cast, destination: Destination) -> None:
    cast.destination("https://example.com/other")
    with CaptureQueriesContext(
        connection,
    ) as queries:
        post(cast, *[b"{}"] * 20)
        deliver(GOOD)
    assert len([query for query in queries if "logs_slip" in query["sql"]]) == 2
    assert Slip.objects.count() == 2


def test_what_was_purged_meanwhile_is_left_out(cast: Cast) -> None:
    note(counts={(uuid7(), uuid7(), "accepted"): 1})
    assert (book(), Flow.objects.count(), Slip.objects.count()) == (1, 0, 0)


def test_a_slip_reads_as_it_was_written() -> None:
    counts = {(uuid7(), uuid7(), kind): number for number, kind in enumerate(KINDS, 1)}
    assert unpacked([packed(counts), packed(counts)]) == {key: 2 * count for key, count in counts.items()}
