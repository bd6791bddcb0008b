"""A model of the queue, for check 15: accounts post, workers claim, die, come back late and record, people pause, resume,
replay, cancel, delete and bring back, chores cancel and purge, time passes; after each step what must never be wrong is
looked at in the database. Beside the account to which all of it happens stands another one, which nothing of it may touch.
"""

from datetime import timedelta
from typing import Any
from unittest.mock import patch
from uuid import UUID

from django.db.models import Count, Q
from django.db.models.functions import Now
from django.utils import timezone
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, consumes, initialize, multiple, precondition, rule

from apps.accounts.models import Account, Member
from apps.accounts.services import delete_account, restore_account
from apps.common.errors import Conflict
from apps.common.ids import uuid7
from apps.deliveries import retention
from apps.deliveries.admission import hint
from apps.deliveries.claims import claim_due, claim_suspect, give_back, sweep
from apps.deliveries.holding import bring_back
from apps.deliveries.models import Delivery
from apps.deliveries.purging import cancel_deleted, purge
from apps.deliveries.request import Claim, Error, Outcome, Result
from apps.deliveries.services import cancel, record, replay
from apps.destinations.models import Destination, Gate
from apps.destinations.services import delete_destination, pause, resume
from apps.events.models import Event
from apps.events.services import index_waiting
from apps.ingest.batch import Verdict, store
from apps.logs.services import book, roll_up
from tests.apps.kept import FINAL, Kept, Key
from tests.cast import Cast, assemble, make_destination
from tests.events import make_post

OUTCOMES = st.sampled_from(
    [
        Outcome(Error.NONE, response_status=200, latency_ms=1),
        Outcome(Error.HTTP_STATUS, response_status=500, latency_ms=1),
        Outcome(Error.TIMEOUT, latency_ms=15_000),
        Outcome(Error.HTTP_STATUS, response_status=410, latency_ms=1),
        Outcome(Error.HTTP_STATUS, response_status=429, retry_after_s=60),
    ]
)
# Whose, which event id, which of two bodies.
POSTS = st.lists(st.tuples(st.booleans(), st.integers(0, 12), st.sampled_from([b"{}", b"[]"])), min_size=1, max_size=6)


class Queue(Kept):
    claims = Bundle("claims")
    """Held by a worker that is alive, or thinks so."""
    SOME_CLAIMS = st.lists(consumes(claims), min_size=1, max_size=4, unique_by=lambda claim: claim.delivery_id)
    destinations = Bundle("destinations")

    @initialize(target=destinations)
    def begin(self) -> Any:
        self.cast: Cast = assemble()
        members = Member.objects.select_related("account", "role", "user").filter(role__role_name="Admin")
        self.by = {member.account_id: member for member in members}
        self.own = self.cast.account.pk
        capped = self.make(self.own, 1, concurrency=1)
        return multiple(self.make(self.own, 0), capped, self.make(self.cast.other.pk, 2))

    def make(self, account: UUID, number: int, **policy: Any) -> Destination:
        return make_destination(self.by[account], f"https://example.com/{number}", retry_schedule=[1, 1], **policy)

    @precondition(lambda self: not self.deleted)
    @rule(target=destinations)
    def add_destination(self) -> Any:
        return self.make(self.own, 9, ordered=True)

    @rule(posts=POSTS)
    def accept(self, posts: list[tuple[bool, int, bytes]]) -> None:
        """The same ids come again and again, in one batch too, with the same bytes and with others."""
        sides = {True: (self.cast.account, self.cast.token), False: (self.cast.other, self.cast.other_token)}
        alive = Destination.objects.alive().values_list("account").annotate(number=Count("id"))
        promised: dict[Any, int] = dict(alive.values_list("account", "number"))
        made = [make_post(sides[own][1], sides[own][0], f"e{number}", body) for own, number, body in posts]
        for (own, number, body), verdict in zip(posts, store(made), strict=True):
            key = sides[own][0].pk, f"e{number}"
            assert verdict is self.expected(key, body)
            if verdict is Verdict.STORED:
                self.stored[key] = body, promised.get(key[0], 0)

    def expected(self, key: Key, body: bytes) -> Verdict:
        if key[0] == self.own and self.deleted:
            return Verdict.NO_TOKEN
        if key not in self.stored:
            return Verdict.STORED
        return Verdict.AGAIN if self.stored[key][0] == body else Verdict.CONFLICT

    @rule(target=claims, limit=st.integers(1, 5))
    def claim(self, limit: int) -> Any:
        hint()  # what a commit would do, which never comes
        return multiple(*self.held(claim_due(limit)))

    @rule(target=claims)
    def claim_alone(self) -> Any:
        return multiple(*self.held(claim_suspect()))

    def held(self, claimed: list[Claim]) -> list[Claim]:
        rows = Delivery.objects.filter(pk__in=[claim.delivery_id for claim in claimed])
        assert set(rows.values_list("status", flat=True)) <= {"delivering"}
        gone = Q(destination__deleted_at__isnull=False) | Q(account__deleted_at__isnull=False) | Q(superseded=True)
        assert not rows.filter(gone | ~Q(destination__state="active")).exists()
        assert not self.leases.keys() & {claim.delivery_id for claim in claimed}
        self.leases |= {claim.delivery_id: claim.lease_token for claim in claimed}
        return claimed

    def release(self, claim: Claim) -> None:
        if self.leases.get(claim.delivery_id) == claim.lease_token:
            del self.leases[claim.delivery_id]

    @rule(claim=consumes(claims))
    def die(self, claim: Claim) -> None:
        """The worker is gone; nobody reports."""

    @rule(claim=consumes(claims))
    def hand_back(self, claim: Claim) -> None:
        give_back([claim])
        self.release(claim)

    @rule(claimed=SOME_CLAIMS, outcome=OUTCOMES, unknown=st.booleans())
    def report(self, claimed: list[Claim], outcome: Outcome, unknown: bool) -> None:
        results = [Result(uuid7(), claim, outcome, timezone.now()) for claim in claimed]
        there = self.there(claim.delivery_id for claim in claimed)
        record(results)
        if unknown:  # its commit was cut off: repeated
            record(results, repeated=True)
        for claim in claimed:
            self.release(claim)
            if outcome.success:  # late or not, it ends the delivery
                self.leases.pop(claim.delivery_id, None)
        self.sent |= {result.log_id: result.claim.account_id for result in results if result.claim.delivery_id in there}

    @rule()
    def leases_end(self) -> None:
        Delivery.objects.filter(status="delivering").update(lease_until=Now() - timedelta(seconds=1))
        sweep()
        self.leases.clear()

    @rule()
    def time_passes(self) -> None:
        Delivery.objects.filter(status="pending").update(next_attempt_at=Now() - timedelta(seconds=1))
        Gate.objects.filter(wake_at__isnull=False).update(wake_at=Now() - timedelta(seconds=1))
        Gate.objects.filter(probe_at__isnull=False).update(probe_at=Now() - timedelta(seconds=1))
        sweep()
        bring_back()

    @rule(destination=destinations, act=st.sampled_from([pause, resume]))
    def pause_or_resume(self, destination: Destination, act: Any) -> None:
        if Destination.objects.alive().filter(pk=destination.pk).exists():
            act(destination=destination, by=self.by[destination.account_id])

    @rule(destination=consumes(destinations))
    def delete(self, destination: Destination) -> None:
        if Destination.objects.alive().filter(pk=destination.pk).exists():
            delete_destination(destination=destination, by=self.by[destination.account_id])

    @precondition(lambda self: not self.deleted)
    @rule(number=st.integers(0, 12), one=st.booleans())
    def send_again(self, number: int, one: bool) -> None:
        """To all destinations, or to one of them."""
        own = sorted(event_id for account, event_id in self.stored if account == self.own)
        event = Event.objects.filter(account=self.own, event_id=own[number % len(own)]).first() if own else None
        firsts = Delivery.objects.filter(event=event, replay_of=None, destination__deleted_at=None).order_by("pk")
        chosen = firsts.first() if one else None
        if event is None or (one and chosen is None):
            return
        targets = firsts.filter(pk=chosen.pk) if chosen else firsts
        replays = Delivery.objects.open().filter(event=event, destination__in=targets.values("destination"))
        busy = replays.exclude(replay_of=None).exists() or targets.filter(status="delivering").exists()
        refused = busy or not targets.exists()
        try:
            made = replay(event=event, by=self.by[self.own], destination_id=chosen.destination_id if chosen else None)
        except Conflict:
            assert refused
        else:
            assert not refused
            self.replays |= {delivery.pk for delivery in made}
            self.happened["replayed"] += 1

    @precondition(lambda self: not self.deleted)
    @rule(index=st.integers(0, 20))
    def end_by_hand(self, index: int) -> None:
        """One that is open, also one in the air; or one that is final, which is refused."""
        own = Delivery.objects.filter(account=self.own).order_by("pk")
        for delivery in own[index % max(1, own.count()) :][:1]:
            try:
                cancel(delivery=delivery, by=self.by[self.own])
            except Conflict:
                assert delivery.status in FINAL
            else:
                assert delivery.is_open
                self.happened["cancelled"] += 1
                self.leases.pop(delivery.pk, None)

    @precondition(lambda self: not self.deleted)
    @rule(sure=st.integers(0, 2))
    def delete_all(self, sure: int) -> None:
        if not sure:
            delete_account(by=self.by[self.own])
            self.deleted = True

    @precondition(lambda self: self.deleted)
    @rule()
    def bring_back(self) -> None:
        if not Account.objects.filter(pk=self.own).exists():
            return
        try:
            restore_account(account_id=self.own)
        except Conflict:
            assert self.old
        else:
            assert not self.old
            self.deleted = False
            self.happened["brought back"] += 1

    @rule()
    def chores(self) -> None:
        cancel_deleted()
        gone = Q(destination__deleted_at__isnull=False) | Q(account__deleted_at__isnull=False)
        assert not Delivery.objects.filter(gone, status="pending").exists()
        index_waiting()
        roll_up()
        book()

    @rule()
    def months_pass(self) -> None:
        """What has ended goes, as after EVENT_RETENTION_DAYS; what has not stays whole."""
        still = set(Delivery.objects.open().values_list("event", flat=True))
        whole = Event.objects.exclude(account=self.own) if self.purged else Event.objects.all()
        ended = set(whole.exclude(pk__in=still).values_list("pk", flat=True))
        self.forget(ended)
        with patch.object(retention, "_end_of", lambda _: timezone.now() + timedelta(minutes=1)):
            while retention.remove_events().more:
                pass
        assert not Event.objects.filter(pk__in=ended).exists()
        self.happened["forgotten"] += len(ended)

    @precondition(lambda self: self.deleted and not self.old)
    @rule()
    def eight_days_pass(self) -> None:
        Account.objects.filter(pk=self.own).update(deleted_at=Now() - timedelta(days=8))
        self.old = True

    @precondition(lambda self: self.deleted)
    @rule(steps=st.sampled_from([1, 3, 40]))
    def purge_some(self, steps: int) -> None:
        """Before its time it takes nothing; afterwards one table a step, and anything may happen in between."""
        done = [purge() for _ in range(steps)]
        assert self.old or not any(done)
        self.purged = self.purged or any(done)
        if self.old and not done[-1]:
            assert not Account.objects.filter(pk=self.own).exists()

    def teardown(self) -> None:
        """Whatever it was in the middle of: what is deleted at the end goes for good, and takes nothing else with it."""
        try:
            if self.deleted:
                self.happened["purged"] += bool(self.stored)
                self.eight_days_pass()
                self.purge_some(steps=40)
                self.nothing_is_lost()
                self.what_is_final_stays()
                self.the_ledger_balances()
        finally:
            super().teardown()
