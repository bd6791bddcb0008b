"""What is older than its days goes while the product is at full load, and costs it little."""

import signal
import time
from pathlib import Path

import psycopg
import pytest

from tests.fakes.receiver import Receiver
from tests.integration.figures import Figures
from tests.integration.product import Prepared, Servers
from tests.integration.test_snapshot import full_rate
from tests.integration.waiting import wait_until

pytestmark = [pytest.mark.integration, pytest.mark.crowd, pytest.mark.postgres, pytest.mark.chaos, pytest.mark.timeout(600)]

# Events of a hundred days ago, each delivered at once and logged; the sums know them.
OLD = (
    """INSERT INTO events_event (id, account_id, event_id, received_timestamp, body, digest, size, traceparent)
    SELECT uuidv7(at - now()), %(account)s, 'old_' || n, at, '{}', sha256('{}'), 2, ''
    FROM (SELECT n, now() - interval '100 days' + n * interval '1 s' AS at FROM generate_series(1, %(number)s) n) made""",
    """INSERT INTO deliveries_delivery (id, account_id, event_id, destination_id, status, reason, attempts, claims, lost_leases,
        next_attempt_at, created_at, updated_at)
    SELECT uuidv7(received_timestamp - now()), account_id, event.id, destination.id, 'success', '', 1, 1, 0, NULL,
        received_timestamp, received_timestamp
    FROM events_event event JOIN destinations_destination destination USING (account_id) WHERE account_id = %(account)s""",
    """INSERT INTO logs_log (id, cursor, account_id, destination_id, event_id, delivery_id, received_timestamp,
        processed_timestamp, status, attempt, max_attempts, late, response_status, latency_ms, error, response_headers,
        response_body)
    SELECT uuidv7(created_at - now()), row_number() OVER (ORDER BY id), account_id, destination_id, event_id, id, created_at,
        created_at, 'success', 1, 10, false, 200, 5, '', '', '' FROM deliveries_delivery WHERE account_id = %(account)s""",
    "INSERT INTO logs_logcounter (account_id, value) VALUES (%(account)s, %(number)s)",
    """INSERT INTO logs_flow (id, account_id, destination_id, span_s, start, accepted, delivered, failed, cancelled)
    SELECT uuidv7(), account_id, id, 0, 'epoch', %(number)s, %(number)s, 0, 0 FROM destinations_destination
    WHERE account_id = %(account)s""",
)
LEFT = "SELECT count(*) FROM events_event WHERE account_id = '{}'"


def fill(product: Servers, old: Prepared, number: int) -> None:
    with psycopg.connect(product.postgres.url) as connection:
        for statement in OLD:
            connection.execute(statement.encode(), {"account": old.account_id, "number": number})


def test_what_is_old_goes_beside_the_load(tmp_path: Path, figures: Figures) -> None:
    number, old = 8000, 60_000
    with Receiver() as receiver, Servers(tmp_path) as product:
        prepared, aged = (product.prepare(receiver.url, timeout_s=15) for _ in range(2))
        alone = [full_rate(product, prepared, f"alone-{turn}", number) for turn in range(2)]
        fill(product, aged, old)
        for name in ("worker-1", "worker-2"):  # a round begins with a worker
            product.end(name, signal.SIGTERM)
            product.start(name)
        time.sleep(2)  # until they have come up
        beside = full_rate(product, prepared, "beside", number)
        left = product.sql(LEFT.format(aged.account_id))[0][0]
        wait_until(lambda: product.sql(LEFT.format(aged.account_id)) == [(0,)])
        alone.append(full_rate(product, prepared, "afterwards", number))
        assert "The ledger balances." in product.run("manage.py", "check_ledger")
    figures.show("events/s alone", [round(each) for each in alone])
    figures.show("events/s beside it", beside)
    figures.show(f"old ones of {old} left at its end", left)
    figures.at_most("cost of it, part", 1 - beside / (sum(alone) / len(alone)), 0.2)
    assert len(set(receiver.ids())) == len(receiver.got) == 4 * number
