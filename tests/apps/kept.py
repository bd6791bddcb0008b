"""What the queue's model remembers (see machine.py), and what must hold after each of its steps."""

from collections import Counter
from collections.abc import Iterable
from uuid import UUID

from django.db import connection, transaction
from django.db.models import Count, F, Max, Q
from hypothesis.stateful import RuleBasedStateMachine, invariant

from apps.accounts.models import Member
from apps.deliveries.ledger import differences
from apps.deliveries.models import Delivery, Opening
from apps.destinations.models import Destination
from apps.events.models import Event
from apps.logs.models import Flow, Log, LogCounter
from apps.logs.selectors import oldest

FINAL = {"success", "failed", "cancelled"}

Key = tuple[UUID, str]
"""account, event id"""


class Kept(RuleBasedStateMachine):
    own: UUID
    """The account to which things happen."""
    happened: Counter[str] = Counter()
    """In all runs: a machine that never gets to where it could fail proves nothing."""

    def __init__(self) -> None:
        super().__init__()
        self.rollback = transaction.atomic()
        self.rollback.__enter__()
        self.stored: dict[Key, tuple[bytes, int]] = {}
        """What a 2xx promised: the body, and how many deliveries."""
        self.replays: set[UUID] = set()
        self.final: dict[UUID, tuple[UUID, str]] = {}
        """delivery -> its account, its last status."""
        self.leases: dict[UUID, UUID] = {}
        """delivery -> the token of the one who holds it."""
        self.sent: dict[UUID, UUID] = {}
        """log -> its account."""
        self.forgotten: Counter[UUID] = Counter()
        """account -> how many of its logs were removed, since they were old."""
        self.deleted = self.old = self.purged = False
        self.by: dict[UUID, Member] = {}
        """account -> its Admin."""

    def teardown(self) -> None:
        connection.check_constraints()  # those that the commit would check, which never comes
        transaction.set_rollback(True)
        self.rollback.__exit__(None, None, None)

    def there(self, ids: Iterable[UUID]) -> set[UUID]:
        return set(Delivery.objects.filter(pk__in=list(ids)).values_list("pk", flat=True))

    def may_be_gone(self, account: UUID) -> bool:
        return self.purged and account == self.own

    def forget(self, events: set[UUID]) -> None:
        """These are gone, and all that belonged to them."""
        rows = Event.objects.filter(pk__in=events)
        deliveries = set(Delivery.objects.filter(event__in=rows).values_list("pk", flat=True))
        for key in rows.values_list("account_id", "event_id"):
            del self.stored[key]
        for log in Log.objects.filter(event__in=rows).values_list("pk", flat=True):
            self.forgotten[self.sent.pop(log)] += 1
        self.replays -= deliveries
        self.final = {pk: row for pk, row in self.final.items() if pk not in deliveries}

    @invariant()
    def count_steps(self) -> None:
        self.happened["step"] += 1

    @invariant()
    def nothing_is_lost(self) -> None:
        number = Count("deliveries", filter=Q(deliveries__replay_of=None))
        rows = Event.objects.annotate(number=number).values_list("account_id", "event_id", "body", "number")
        found = {(account, event_id): (bytes(body), number) for account, event_id, body, number in rows}
        assert found.keys() <= self.stored.keys()
        for key, (body, promised) in self.stored.items():
            there = found.get(key)
            assert there == (body, promised) or (self.may_be_gone(key[0]) and (there is None or there[1] <= promised))
        replays = set(Delivery.objects.exclude(replay_of=None).values_list("pk", flat=True))
        assert replays <= self.replays if self.purged else replays == self.replays

    @invariant()
    def what_is_final_stays(self) -> None:
        now = {pk: (account, status) for pk, account, status in Delivery.objects.values_list("pk", "account_id", "status")}
        for pk, was in self.final.items():
            assert now.get(pk) == was or (pk not in now and self.may_be_gone(was[0]))
        self.final = {pk: row for pk, row in now.items() if row[1] in FINAL}

    @invariant()
    def a_lease_belongs_to_one(self) -> None:
        rows = Delivery.objects.filter(status="delivering").values_list("pk", "lease_token")
        there = self.there(self.leases)
        assert dict(rows) == {pk: token for pk, token in self.leases.items() if pk in there or not self.purged}
        assert not Delivery.objects.filter(attempts__gt=F("claims")).exists()

    @invariant()
    def a_cap_of_one_is_never_two(self) -> None:
        alone = Q(destination__concurrency=1) | Q(destination__ordered=True)
        rows = Delivery.objects.filter(alone, status="delivering").values("destination").annotate(number=Count("id"))
        assert not rows.filter(number__gt=1).exists()

    @invariant()
    def what_is_held_is_looked_at(self) -> None:
        """A limited destination that is active has a time at which what it holds is let through, or a mark to do it."""
        held = Delivery.objects.filter(status="pending", queue=Delivery.Queue.HELD, destination__state="active")
        looked_at = Q(destination__gate__wake_at__isnull=False) | Q(destination__in=Opening.objects.values("destination"))
        gone = Q(destination__deleted_at__isnull=False) | Q(account__deleted_at__isnull=False)
        assert not held.exclude(looked_at).exclude(gone).exists()

    @invariant()
    def the_counters_are_dense(self) -> None:
        counters: dict[UUID, int] = dict(LogCounter.objects.values_list("account_id", "value"))
        logs = Log.objects.values("account_id").annotate(number=Count("id"), newest=Max("cursor"))
        found = {row["account_id"]: (row["number"], row["newest"]) for row in logs}
        for account in self.by:
            number = sum(own == account for own in self.sent.values())
            if not self.may_be_gone(account):
                ever = number + self.forgotten[account]
                assert counters.get(account, 0) == ever
                assert found.get(account, (0, 0))[0] == number
                assert found.get(account, (0, 0))[1] == ever or self.forgotten[account]
                assert oldest(account) <= ever + 1

    @invariant()
    def the_ledger_balances(self) -> None:
        """It equals the rows, and what is booked of it was true at some moment."""
        assert differences(account for account in self.by if not self.may_be_gone(account)) == {}
        more_ended = Flow.objects.filter(span_s=0, accepted__lt=F("delivered") + F("failed") + F("cancelled"))
        assert not more_ended.filter(destination__in=Destination.objects.all()).exists()
