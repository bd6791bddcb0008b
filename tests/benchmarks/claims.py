"""What a claim costs beside a million deliveries that it must not take, and whether each account gets its share of claims.

    python -m tests.services -- python -m tests.benchmarks.claims [--rows 1000000] [--runs 100] [--plans]

On a machine with nothing else to do: a neighbour's load is measured with it.
Exits with 1 when the median claim takes over 10 ms, when a small account waits for a large one, or when the least served of 500
accounts gets less than 0.8 of the mean.
"""

import argparse
import os
import re
import sys
import time
from collections import Counter
from collections.abc import Iterator
from uuid import UUID

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "datapusher.settings.test")
django.setup()

from django.conf import settings  # noqa: E402  (Django first)
from django.core.management import call_command  # noqa: E402
from django.db import connection, transaction  # noqa: E402
from django.test.utils import CaptureQueriesContext  # noqa: E402

from apps.accounts.models import Account, Member  # noqa: E402
from apps.accounts.services import create_account  # noqa: E402
from apps.deliveries.claims import claim_due  # noqa: E402
from apps.users.models import User  # noqa: E402
from tests.cast import make_destination  # noqa: E402

P50_MAX_MS = 10.0
SHARE_MIN = 0.8
SMALL, EACH = 200, 10
BUSY, TURNS, SEATS = 500, 150, 100
_AT_ONCE = 20
"""Deliveries of a claim whose time is judged: more of them take time for themselves."""

_DELIVERIES = """
INSERT INTO deliveries_delivery (id, account_id, event_id, destination_id, status, reason, attempts, claims, lost_leases,
    next_attempt_at, queue)
SELECT uuidv7(), {account}, {event}, {destination}, 'pending', '', 0, 0, 0, now() + {due}, {queue}
"""
_EVENTS = """
INSERT INTO events_event (id, account_id, event_id, body, digest, size, traceparent)
SELECT uuidv7(), %(account)s, 'evt_' || n, '{}', sha256('{}'), 2, '' FROM generate_series(1, %(rows)s) n
"""
# What nobody claims needs no account, event or destination.
_LATER = _DELIVERIES.format(account="gen_random_uuid()", event="gen_random_uuid()", destination="gen_random_uuid()",
    due="interval '10 hours'", queue=1) + "FROM generate_series(1, %(rows)s)"  # fmt: skip
_HELD = _DELIVERIES.format(account="%(account)s", event="gen_random_uuid()", destination="%(destination)s",
    due="interval '-1 hour'", queue=2) + "FROM generate_series(1, %(rows)s)"  # fmt: skip
_READY = _DELIVERIES.format(account="account_id", event="id", destination="%(destination)s",
    due="interval '-1 minute'", queue=0) + "FROM events_event WHERE account_id = %(account)s"  # fmt: skip


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--runs", type=int, default=100)
    parser.add_argument("--plans", action="store_true", help="print them whole")
    options = parser.parse_args()
    if connection.vendor != "postgresql":
        sys.exit("It needs PostgreSQL: python -m tests.services -- python -m tests.benchmarks.claims")
    settings.MAX_ACCOUNTS_PER_USER = 1000
    call_command("migrate", verbosity=0)
    if Account.objects.exists():
        sys.exit("This database is not empty.")
    return 0 if Story(options.runs, whole_plans=options.plans).tell(options.rows) else 1


class Story:
    def __init__(self, runs: int, *, whole_plans: bool) -> None:
        self.runs, self.whole_plans, self.good = runs, whole_plans, True
        self.user = User.objects.create_user("bench@example.com", "correct horse battery")
        self.accounts = [self.account(number) for number in range(BUSY)]

    def account(self, number: int) -> tuple[UUID, UUID]:
        account, _ = create_account(by=self.user, account_name=f"account {number}")
        member = Member.objects.get(account=account, user=self.user)
        return account.pk, make_destination(member, "https://example.com/hook").pk

    def tell(self, rows: int) -> bool:
        first, *others = self.accounts
        self.measure("nothing waits")
        self.fill(_LATER, *first, rows // 10)
        self.measure(f"{rows // 10:,} accounts with a retry in 10 h")
        self.fill(_HELD, *first, rows)
        self.measure(f"and {rows:,} held of one destination")
        self.ready(*first, rows)
        for account, destination in others[:SMALL]:
            self.ready(account, destination, EACH)
        self.small_beside_a_large(first[0])
        self.measure(f"{rows:,} ready of one account")
        for account, destination in others:
            self.ready(account, destination, TURNS * SEATS // BUSY * 2)
        self.measure(f"{BUSY} accounts with a backlog")
        self.shares()
        return self.good

    def fill(self, statement: str, account: UUID, destination: UUID, rows: int) -> None:
        with connection.cursor() as cursor:
            cursor.execute("SET session_replication_role = replica")  # no check of each reference
            cursor.execute(statement, {"account": account, "destination": destination, "rows": rows})
            cursor.execute("SET session_replication_role = DEFAULT")

    def ready(self, account: UUID, destination: UUID, rows: int) -> None:
        with connection.cursor() as cursor:  # what an earlier chapter has left is taken away with its events
            cursor.execute("DELETE FROM deliveries_delivery WHERE account_id = %s AND queue = 0", [account])
            cursor.execute("DELETE FROM deliveries_delivery WHERE account_id = %s AND status = 'delivering'", [account])
            cursor.execute("DELETE FROM events_event WHERE account_id = %s", [account])
        self.fill(_EVENTS, account, destination, rows)
        self.fill(_READY, account, destination, rows)

    def measure(self, what: str) -> None:
        with connection.cursor() as cursor:
            cursor.execute("VACUUM ANALYZE")
        with CaptureQueriesContext(connection) as seen:
            claim_due(_AT_ONCE)
        plan = list(_plan(next(each["sql"] for each in seen.captured_queries if "RECURSIVE" in each["sql"])))
        took = sorted(_milliseconds() for _ in range(self.runs))
        p50, p99 = took[len(took) // 2], took[int(len(took) * 0.99)]
        self.judge(p50 <= P50_MAX_MS, f"{what}: a claim of {_AT_ONCE} takes p50 {p50:.1f}, p99 {p99:.1f} ms")
        indexes = sorted(set(re.findall(r"using (delivery_\w+|deliveries_\w+)", "\n".join(plan))))
        print("\n".join(plan) if self.whole_plans else f"       {plan[-2]}; {plan[-1]}; {' '.join(indexes)}", flush=True)

    def small_beside_a_large(self, large: UUID) -> None:
        served: Counter[UUID] = Counter()
        claims = begun = 0
        while sum(served.values()) - served[large] < SMALL * EACH and claims < 1000:
            claims += 1
            served.update(claim.account_id for claim in claim_due(400))
            if claims == 1:
                begun = len(served)
        text = f"{SMALL} accounts with {EACH} each beside the large one: all begun by claim 1, all taken by claim {claims}"
        self.judge(begun >= SMALL and claims <= SMALL * EACH // 100, text.replace("all begun", f"{begun} begun"))

    def shares(self) -> None:
        served = dict.fromkeys((account for account, _ in self.accounts), 0)
        began = time.perf_counter()
        for _ in range(TURNS):
            for claim in claim_due(SEATS):
                served[claim.account_id] += 1
        took, mean = time.perf_counter() - began, sum(served.values()) / BUSY
        least = min(served.values()) / mean
        each = f"{sum(served.values()) / took:,.0f} claimed/s"
        self.judge(least >= SHARE_MIN, f"{BUSY} accounts, {TURNS} claims of {SEATS}: least served {least:.2f} of mean, {each}")

    def judge(self, good: bool, text: str) -> None:
        self.good = self.good and good
        print(f"{'ok' if good else 'BAD':4}   {text}", flush=True)


def _milliseconds() -> float:
    began = time.perf_counter()
    claim_due(_AT_ONCE)
    return (time.perf_counter() - began) * 1000


def _plan(statement: str) -> Iterator[str]:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN ANALYZE {statement.replace('%', '%%')}", [])
        for (line,) in cursor.fetchall():
            yield line
        transaction.set_rollback(True)


if __name__ == "__main__":
    sys.exit(main())
