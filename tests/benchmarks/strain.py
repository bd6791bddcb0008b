"""The product under what makes others slow: one event for a thousand destinations, tables that have grown, a million due."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import psycopg

from tests.benchmarks.runs import INGEST, STILL_S, Product, Run, settle, started
from tests.benchmarks.traffic import Receiver, post
from tests.integration.sending import post as post_one

# Of what the product does without the strain, so much is promised.
_KEPT_MIN = 0.8
_WIDE_EVENTS = 30

# Over twenty days, so that none is old enough to be removed meanwhile; each account's share of them is tallied.
_LOGS = """
INSERT INTO logs_log (id, cursor, account_id, destination_id, event_id, delivery_id, received_timestamp, processed_timestamp,
    status, attempt, max_attempts, next_attempt_at, late, response_status, latency_ms, error, response_headers, response_body)
SELECT uuidv7(at - now()), value + n, account_id, destination_id, event_id, id, at, at, 'success', 1, 10, NULL, false, 200,
    5 + n % 300, '', '{{}}', 'ok'
FROM (
    SELECT DISTINCT ON (account_id) account_id, destination_id, event_id, id, value
    FROM deliveries_delivery JOIN logs_logcounter USING (account_id) ORDER BY account_id
) AS of_account
CROSS JOIN generate_series(1, {share}) AS n
CROSS JOIN LATERAL (SELECT now() - make_interval(days => 20) * (1 - n / {share}::float) AS at) AS made
"""
_COUNTED = """
UPDATE logs_logcounter SET value = value + {share};
INSERT INTO logs_tallied (account_id, cursor) SELECT account_id, value FROM logs_logcounter
ON CONFLICT (account_id) DO UPDATE SET cursor = EXCLUDED.cursor
"""
_EVENTS = """
INSERT INTO events_event (id, account_id, event_id, received_timestamp, body, digest, size, traceparent)
SELECT uuidv7(), '{account}', 'due-' || n, now(), body, sha256(body), length(body), ''
FROM generate_series(1, {number}) AS n
CROSS JOIN LATERAL (SELECT format('{{"id": "%s", "note": "%s"}}', n, repeat('x', 300))::bytea AS body) AS made
"""
_DUE = """
INSERT INTO deliveries_delivery (id, account_id, event_id, destination_id, status, queue, reason, attempts, claims, lost_leases,
    next_attempt_at, created_at, updated_at)
SELECT uuidv7(), event.account_id, event.id, destination.id, 'pending', 0, '', 0, 0, 0, now(), now(), now()
FROM events_event AS event JOIN destinations_destination AS destination USING (account_id)
WHERE event.account_id = '{account}'
"""


@dataclass(frozen=True)
class Strain:
    """A second, at once; `accepted` is None where only deliveries are measured."""

    name: str
    accepted: float | None
    delivered: float


def strains(directory: Path, seconds: float, accounts: int, logs: int, due: int) -> Iterator[Strain]:
    """One after the other on the same product: the tables of the later ones are those of the earlier ones too."""
    with started(Product, directory, accounts, "strain") as (servers, receiver, tokens), Receiver(directory / "due") as other:
        yield _wide(servers, receiver)
        post(servers.url, INGEST, tokens, "first", seconds=5)
        settle(receiver.count)
        _fill(servers, [each.format(share=logs // accounts) for each in (_LOGS, _COUNTED)])
        yield _measured(f"{logs:,} logs in the table", servers, tokens, [receiver], seconds)
        settle(receiver.count)
        account = servers.prepare(other.url, timeout_s=15).account_id
        _fill(servers, [each.format(account=account, number=due) for each in (_EVENTS, _DUE)])
        yield _measured(f"beside an account with {due:,} due", servers, tokens, [receiver, other], seconds)


def _wide(servers: Product, receiver: Receiver) -> Strain:
    wide = servers.prepare(*[f"{receiver.url}/{number}" for number in range(1000)], timeout_s=15)
    before, began = receiver.count(), time.monotonic()
    for number in range(_WIDE_EVENTS):
        post_one(servers.url, wide.token, f"wide-{number}")
    arrived = settle(receiver.count) - before
    return Strain("events for 1,000 destinations each", None, arrived / (time.monotonic() - began - STILL_S))


def _fill(servers: Product, statements: Sequence[str]) -> None:
    with psycopg.connect(servers.postgres.url, autocommit=True) as connection:
        connection.execute("SET session_replication_role = replica")  # no check of each reference: they are right as made
        for statement in statements:
            connection.execute(statement.encode())
        connection.execute("VACUUM ANALYZE")
        connection.execute("CHECKPOINT")


def _measured(name: str, servers: Product, tokens: Path, receivers: Sequence[Receiver], seconds: float) -> Strain:
    before, began = sum(each.count() for each in receivers), time.monotonic()
    posted = post(servers.url, INGEST, tokens, name.replace(" ", "-"), seconds=seconds)
    took = time.monotonic() - began
    return Strain(name, posted.rate, (sum(each.count() for each in receivers) - before) / took)


def strain_table(found: Sequence[Strain], usual: Run) -> str:
    head = "| | accepted/s | of the usual | delivered/s | of the usual |\n|---|---:|---:|---:|---:|"
    return "\n".join([head, *(_row(each, usual) for each in found)])


def _row(each: Strain, usual: Run) -> str:
    accepted = "| |" if each.accepted is None else f"{each.accepted:,.0f} | {each.accepted / usual.posted.rate:.2f} |"
    return f"| {each.name} | {accepted} {each.delivered:,.0f} | {each.delivered / usual.delivered:.2f} |"


def too_slow(found: Sequence[Strain], usual: Run) -> list[str]:
    return [
        f"{each.name}: less than {_KEPT_MIN} of the usual"
        for each in found
        if each.delivered < _KEPT_MIN * usual.delivered
        or (each.accepted is not None and each.accepted < _KEPT_MIN * usual.posted.rate)
    ]
