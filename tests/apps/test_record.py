"""Leases and fences: what the database says when workers overlap, die and come back."""

from datetime import timedelta
from uuid import uuid4

import pytest
from django.db import OperationalError, connection
from django.db.models.functions import Now
from django.utils import timezone

from apps.common.ids import uuid7
from apps.deliveries.claims import claim_due, claim_suspect, release_all, sweep
from apps.deliveries.models import Delivery
from apps.deliveries.request import Claim, Error, Outcome, Result
from apps.deliveries.services import bare, record
from apps.destinations.models import Destination
from apps.ingest.batch import Post, Verdict, store
from apps.logs.models import Log, LogCounter
from tests.cast import Cast
from tests.events import make_post

GOOD = Outcome(Error.NONE, response_status=200, latency_ms=5)
BAD = Outcome(Error.TIMEOUT, latency_ms=15_000)


@pytest.fixture
def destination(cast: Cast) -> Destination:
    return cast.destination("https://example.com/hook")


@pytest.fixture
def claim(cast: Cast, destination: Destination) -> Claim:
    store([make_post(cast.token, cast.account, "e1", b'{"n": 1}')])
    (claimed,) = claim_due(10)
    return claimed


def result(claim: Claim, outcome: Outcome) -> Result:
    return Result(uuid7(), claim, outcome, timezone.now())


def take_over(claim: Claim) -> Claim:
    Delivery.objects.filter(pk=claim.delivery_id).update(lease_until=Now() - timedelta(seconds=1))
    assert sweep() == 1
    (again,) = claim_due(10)
    return again


def test_what_is_claimed_is_not_claimed_again(claim: Claim) -> None:
    assert claim_due(10) == []
    assert sweep() == 0


def test_a_worker_that_died_leaves_no_log_and_uses_up_no_try(claim: Claim) -> None:
    again = take_over(claim)
    delivery = Delivery.objects.get()
    assert (delivery.claims, delivery.attempts, Log.objects.count()) == (2, 0, 0)
    assert again.lease_token != claim.lease_token


def test_after_two_lost_leases_a_delivery_is_claimed_alone_and_after_five_it_is_quarantined(
    cast: Cast, destination: Destination
) -> None:
    store([make_post(cast.token, cast.account, f"e{n}", b"{}") for n in range(3)])
    for _ in range(2):
        assert len(claim_due(10)) == release_all() == 3
    for round_of_three in range(3):
        assert claim_due(10) == []
        assert len({claim_suspect()[0].delivery_id for _ in range(3)}) == release_all() == 3, round_of_three
    assert list(Delivery.objects.values_list("status", "reason").distinct()) == [("failed", "quarantined")]
    assert not Log.objects.exists()


def test_a_result_clears_a_suspect(claim: Claim) -> None:
    record([result(take_over(claim), BAD)])
    assert Delivery.objects.get().lost_leases == 0


def test_a_late_failure_is_logged_as_late_and_changes_nothing(claim: Claim) -> None:
    again = take_over(claim)
    record([result(claim, BAD)])
    delivery, log = Delivery.objects.get(), Log.objects.get()
    assert (delivery.status, delivery.lease_token, delivery.attempts) == ("delivering", again.lease_token, 0)
    assert (log.late, log.status, log.next_attempt_at) == (True, "failed", None)


def test_a_late_success_ends_what_is_not_final(claim: Claim) -> None:
    take_over(claim)
    record([result(claim, GOOD)])
    assert Delivery.objects.get().status == "success"
    assert Log.objects.get().late


def test_a_late_result_never_reopens_what_is_final(claim: Claim) -> None:
    again = take_over(claim)
    record([result(again, GOOD)])
    record([result(claim, BAD)])
    assert Delivery.objects.get().status == "success"
    assert list(Log.objects.order_by("cursor").values_list("late", flat=True)) == [False, True]


def test_a_batch_of_unknown_commit_is_recorded_once(claim: Claim) -> None:
    tried = result(claim, BAD)
    record([tried])
    before = Delivery.objects.get()
    assert record([tried], repeated=True).entries == {}
    after = Delivery.objects.get()
    assert (after.attempts, after.next_attempt_at, Log.objects.count()) == (1, before.next_attempt_at, 1)


def test_the_counter_is_dense_over_accounts_and_batches(cast: Cast, destination: Destination) -> None:
    for number in range(3):
        store([make_post(cast.token, cast.account, f"e{number}-{n}", b"{}") for n in range(4)])
        record([result(claim, GOOD) for claim in claim_due(100)])
    assert list(Log.objects.order_by("cursor").values_list("cursor", flat=True)) == list(range(1, 13))
    assert LogCounter.objects.get().value == 12


def test_a_bare_result_keeps_the_try_and_drops_what_the_receiver_sent(claim: Claim) -> None:
    tried = result(claim, Outcome(Error.HTTP_STATUS, 500, 5, (("X", "\ud800"),), b"x"))
    record([bare(tried)])
    log = Log.objects.get()
    assert (log.pk, log.error, log.response_status, bytes(log.response_body)) == (tried.log_id, "internal", None, b"")


def test_a_new_start_on_one_machine_frees_every_lease(claim: Claim) -> None:
    assert release_all() == 1
    assert len(claim_due(10)) == 1


def test_the_bodies_of_one_claim_are_bounded(cast: Cast, destination: Destination, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("apps.deliveries.picking.BODIES_MAX", 10)
    store([make_post(cast.token, cast.account, f"e{n}", b'{"n": 12}') for n in range(3)])
    assert [len(claim_due(10)) for _ in range(4)] == [1, 1, 1, 0]


def test_a_destination_that_no_key_fits_does_not_stop_the_others(
    cast: Cast, destination: Destination, caplog: pytest.LogCaptureFixture
) -> None:
    unreadable = cast.destination("https://example.com/unreadable")
    with connection.cursor() as cursor:
        cursor.execute("UPDATE destinations_destination SET signing_secret = %s WHERE url LIKE %s", [b"x", "%unreadable"])
    store([make_post(cast.token, cast.account, "e1", b"{}")])
    assert [claim.target.id for claim in claim_due(10)] == [destination.pk]
    waiting = Delivery.objects.get(destination=unreadable.pk)
    assert (waiting.status, waiting.attempts, waiting.lost_leases) == ("pending", 0, 0)
    assert "no key of FIELD_ENCRYPTION_KEYS fits" in caplog.text


class TestStore:
    def test_the_same_id_twice_in_one_batch_is_one_event(self, cast: Cast) -> None:
        posts = [make_post(cast.token, cast.account, "e1", body) for body in (b"[1]", b"[1]", b"[2]")]
        assert store(posts) == [Verdict.STORED, Verdict.AGAIN, Verdict.CONFLICT]
        assert store(list(reversed(posts))) == [Verdict.CONFLICT, Verdict.AGAIN, Verdict.STORED]

    def test_a_batch_that_is_repeated_gives_the_same_verdicts(self, cast: Cast, destination: Destination) -> None:
        posts = [make_post(cast.token, cast.account, f"e{n}", b"{}") for n in range(3)]
        assert store(posts) == store(posts) == [Verdict.STORED] * 3
        assert Delivery.objects.count() == 3

    def test_a_token_of_nobody_is_never_stored(self, cast: Cast) -> None:
        assert store([make_post(f"dp_{uuid4()}", cast.account, "e1", b"{}")]) == [Verdict.NO_TOKEN]

    def test_one_bad_post_does_not_touch_its_neighbours(self, cast: Cast) -> None:
        good: Post = make_post(cast.token, cast.account, "good", b"{}")
        bad = make_post("dp_unknown", cast.account, "bad", b"{}")
        assert store([bad, good]) == [Verdict.NO_TOKEN, Verdict.STORED]


def test_a_claim_whose_load_fails_leaves_everything_as_it_was(
    cast: Cast, destination: Destination, monkeypatch: pytest.MonkeyPatch
) -> None:
    def cut_off(*_: object) -> None:
        raise OperationalError("the connection is lost")

    store([make_post(cast.token, cast.account, "e1", b"{}")])
    monkeypatch.setattr("apps.deliveries.claims._targets", cut_off)
    with pytest.raises(OperationalError):
        claim_due(10)
    delivery = Delivery.objects.get()
    assert (delivery.status, delivery.claims, delivery.lost_leases) == ("pending", 0, 0)
