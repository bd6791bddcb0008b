"""The database's clock is set while leases run: nothing is sent twice, nothing is stuck."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.db import connection
from django.db.models.functions import Now
from django.utils import timezone

from apps.common.ids import uuid7
from apps.deliveries import claims, clock
from apps.deliveries.claims import claim_due, sweep
from apps.deliveries.models import Delivery
from apps.deliveries.request import Claim, Error, Outcome, Result
from apps.deliveries.services import record
from apps.ingest.batch import store
from apps.logs.models import Log
from tests.cast import Cast
from tests.events import make_post

HOUR = 3600


class Boot:
    """This machine's clock, which a test sets."""

    def __init__(self) -> None:
        self.passed = 0.0

    def __call__(self) -> float:
        return 1000.0 + self.passed


@pytest.fixture
def boot(monkeypatch: pytest.MonkeyPatch) -> Boot:
    """The database's clock stands nearly still beside it."""
    boot = Boot()
    monkeypatch.setattr(clock, "since_boot", boot)
    monkeypatch.setattr(claims, "_watch", clock.Watch())
    return boot


@pytest.fixture
def in_air(cast: Cast, boot: Boot) -> Claim:
    """One delivery, claimed; the worker has looked at the clock."""
    cast.destination("https://example.com/hook")
    store([make_post(cast.token, cast.account, "e1", b"{}")])
    (claim,) = claim_due(10)
    assert sweep() == 0
    return claim


@pytest.fixture
def shifted() -> Iterator[str]:
    """Lets `set_database_clock` stand before the server's own, in this connection."""
    with connection.cursor() as cursor:
        cursor.execute("CREATE SCHEMA shifted")
    yield "shifted"
    with connection.cursor() as cursor:
        cursor.execute("SET search_path = public")
        cursor.execute("DROP SCHEMA shifted CASCADE")


def set_database_clock(schema: str, seconds: float) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            f"CREATE OR REPLACE FUNCTION {schema}.statement_timestamp() RETURNS timestamptz LANGUAGE sql STABLE AS "
            f"'SELECT pg_catalog.statement_timestamp() + interval ''{seconds} s'''"
        )
        cursor.execute(f"SET search_path = {schema}, public, pg_catalog")


def expire() -> None:
    Delivery.objects.update(lease_until=Now() - timedelta(seconds=1))


@pytest.mark.parametrize("moved", [-HOUR, -16, 16, HOUR])
def test_for_a_lease_after_the_clock_was_set_no_lease_is_taken(in_air: Claim, boot: Boot, moved: int) -> None:
    expire()
    boot.passed += moved
    assert sweep() == 0
    taken = 0
    for _ in range(12):  # it looks again and again while the two clocks go on together
        boot.passed += 5
        claims._watch._offset = (claims._watch._offset or 0) - 5  # the database's has not passed the five seconds
        taken = sweep()
    assert (taken, Delivery.objects.get().status) == (1, "pending")


def test_clocks_that_drift_slowly_stop_nothing(in_air: Claim, boot: Boot) -> None:
    boot.passed += 4
    expire()
    assert sweep() == 1


def test_a_look_during_which_the_machine_stood_still_says_nothing(
    in_air: Claim, boot: Boot, monkeypatch: pytest.MonkeyPatch
) -> None:
    def slow() -> object:
        boot.passed += 40
        return timezone.now()

    expire()
    with monkeypatch.context() as patch:
        patch.setattr(clock, "database_now", slow)
        assert sweep() == 0
    boot.passed -= 40
    assert sweep() == 1


@pytest.mark.postgres
def test_an_hour_ahead_the_living_finish_and_nothing_is_sent_twice(in_air: Claim, shifted: str) -> None:
    set_database_clock(shifted, HOUR)
    assert (sweep(), claim_due(10)) == (0, [])
    record([Result(uuid7(), in_air, Outcome(Error.NONE, 200, 5), timezone.now())])
    assert (Delivery.objects.get().status, Log.objects.get().late) == ("success", False)


@pytest.mark.postgres
def test_an_hour_ahead_the_lease_of_the_dead_is_taken_later(in_air: Claim, shifted: str, boot: Boot) -> None:
    set_database_clock(shifted, HOUR)
    assert sweep() == 0
    boot.passed += 61
    set_database_clock(shifted, HOUR + 61)
    assert (sweep(), len(claim_due(10))) == (1, 1)


@pytest.mark.postgres
def test_an_hour_back_neither_leases_nor_what_is_ready_are_stuck(cast: Cast, in_air: Claim, shifted: str, boot: Boot) -> None:
    store([make_post(cast.token, cast.account, "e2", b"{}")])
    set_database_clock(shifted, -HOUR)
    sweep()
    assert [claim.event_id for claim in claim_due(10)] == ["e2"]
    for _ in range(2):
        boot.passed += 61
        set_database_clock(shifted, boot.passed - HOUR)
        sweep()
    assert {claim.event_id for claim in claim_due(10)} == {"e1", "e2"}
