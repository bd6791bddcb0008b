"""Check 22: writers write, sockets are cut, web and Redis are killed: each viewer has exactly the database's logs."""

import asyncio
import time
from pathlib import Path

import pytest

from tests.integration.crowd import Crowd, Seat
from tests.integration.figures import Figures
from tests.integration.load import quantile
from tests.integration.product import Prepared, Servers
from tests.integration.sender import send_all
from tests.integration.waiting import wait_until
from tests.integration.watching import NOWHERE, Span, delays, instant, servers, writing, written

pytestmark = [pytest.mark.integration, pytest.mark.crowd, pytest.mark.postgres, pytest.mark.timeout(900)]

# Seconds after a fault in which what was committed may be late: the browser comes back within 15 s at most.
AFTER_A_FAULT_S = 5
SEATS = 15  # for each person, of the 20 that are allowed: one that was cut comes back before we know that it is gone
SET_BACK = "UPDATE logs_logcounter SET value = value - 5 WHERE account_id = '{}' RETURNING value"
FORGOTTEN = "DELETE FROM logs_log WHERE account_id = '{}' AND cursor > {} RETURNING cursor"


def people(product: Servers, account: Prepared, viewers: int) -> list[Seat]:
    members = [account, *(product.member(account, "Normal user") for _ in range(viewers // SEATS))]
    return [Seat(members[number // SEATS]) for number in range(viewers)]


def trouble(product: Servers, crowd: Crowd, seconds: float, rounds: int) -> list[Span]:
    """In each round every third socket is cut, then web is killed, or Redis. Returns when something was away."""
    faults: list[Span] = []
    for number in range(rounds):
        time.sleep(seconds / rounds / 2)
        began = instant()
        crowd.cut(number % 3, 3)
        faults.append((began - 1, instant() + AFTER_A_FAULT_S))
        time.sleep(seconds / rounds / 2)
        began = instant()
        product.kill("web" if number % 2 == 0 else "valkey")
        product.wait()
        faults.append((began - 1, instant() + AFTER_A_FAULT_S))
    return faults


def test_each_viewer_has_exactly_the_databases_logs(tmp_path: Path, full: bool, figures: Figures) -> None:
    rate, seconds, viewers, rounds = (300, 300, 50, 10) if full else (80, 12, 16, 2)
    with servers(tmp_path) as product:
        account = product.prepare(NOWHERE)
        with Crowd(product, people(product, account, viewers)) as crowd:
            with writing(product, [account], 8 if full else 2, rate, seconds):
                faults = trouble(product, crowd, seconds, rounds)
            logs = written(product, account)
            wait_until(lambda: all(seat.cursor == logs[-1][0] for seat in crowd.seats), 60)
            time.sleep(2)  # for what comes twice
    ours = [(cursor, identity) for cursor, identity, _ in logs]
    took = [each for seat in crowd.seats for each in delays(seat, logs, faults if full else [])]
    figures.show("logs", len(logs))
    figures.show("viewers who have not exactly these", sum([row[:2] for row in seat.seen] != ours for seat in crowd.seats))
    figures.show("times that a viewer came back", sum(len(seat.hellos) - 1 for seat in crowd.seats))
    figures.at_most("commit to browser p99 outside faults, s", quantile(took, 0.99), 0.5)
    assert [cursor for cursor, _ in ours] == list(range(1, len(ours) + 1))
    assert all([row[:2] for row in seat.seen] == ours for seat in crowd.seats)
    assert sum(seat.resets for seat in crowd.seats) == 0


def test_the_last_message_before_a_silence_may_be_lost(tmp_path: Path, figures: Figures) -> None:
    with servers(tmp_path) as product:
        account = product.prepare(NOWHERE, retry_schedule=[3600])
        with Crowd(product, people(product, account, 3)) as crowd:
            product.valkey.freeze()
            asyncio.run(send_all(product.url, account.token, ["the-last-one"]))
            wait_until(lambda: all(seat.seen for seat in crowd.seats), 30)
            product.valkey.thaw()
        logs = written(product, account)
    figures.at_most("seen without its message, s", max(max(delays(seat, logs, [])) for seat in crowd.seats), 2)


def test_a_counter_that_was_set_back_makes_nobody_deaf(tmp_path: Path) -> None:
    with servers(tmp_path) as product:
        account = product.prepare(NOWHERE)
        with Crowd(product, people(product, account, 3)) as crowd:
            with writing(product, [account], 1, 40, 1):
                pass
            wait_until(lambda: all(seat.cursor == 40 for seat in crowd.seats), 30)
            [(newest,)] = product.sql(SET_BACK.format(account.account_id))
            product.sql(FORGOTTEN.format(account.account_id, newest))
            wait_until(lambda: all(seat.resets == 1 for seat in crowd.seats), 30)
            with writing(product, [account], 1, 20, 1):
                pass
            wait_until(lambda: all(seat.cursor == newest + 20 for seat in crowd.seats), 30)
        logs = {identity for _, identity, _ in written(product, account)}
    after = [{identity for _, identity, _ in seat.seen[40:]} for seat in crowd.seats]
    assert [(len(each), each <= logs) for each in after] == [(20, True)] * 3
