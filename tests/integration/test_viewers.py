"""Check 23: a thousand watch, some of them slowly, some not at all: the others do not notice, and memory stays."""

import time
from pathlib import Path

import psutil
import pytest

from tests.integration.crowd import Crowd, Seat
from tests.integration.figures import Figures
from tests.integration.load import quantile
from tests.integration.product import Servers
from tests.integration.waiting import wait_until
from tests.integration.watching import NOWHERE, delays, servers, writing, written

pytestmark = [pytest.mark.integration, pytest.mark.crowd, pytest.mark.postgres, pytest.mark.timeout(600)]

A_PERSON = 20  # sockets, as many as are allowed
SLOW_S = 0.5  # over each frame
LET_GO_S = 35
MIB = 1024 * 1024


class Web:
    """What the web process holds."""

    def __init__(self, product: Servers) -> None:
        self._process = psutil.Process(product.processes["web"].pid)

    def mib(self) -> float:
        return float(self._process.memory_info().rss) / MIB

    def peers(self) -> set[int]:
        """The other ends' ports of its connections."""
        return {each.raddr.port for each in self._process.net_connections("tcp") if each.raddr}


def watched(product: Servers, viewers: int, lazy: int) -> tuple[list[Seat], list[Seat], list[Seat]]:
    """The healthy, the slow and the stalled, spread over the accounts; as the page does they ask for summaries."""
    accounts = [product.prepare(NOWHERE) for _ in range(viewers // A_PERSON)]
    seats = [Seat(accounts[number % len(accounts)], "summary_above=50") for number in range(viewers)]
    for seat in seats[:lazy]:
        seat.pause_s = SLOW_S
    for seat in seats[lazy : 2 * lazy]:
        seat.stalls = True
    return seats[2 * lazy :], seats[:lazy], seats[lazy : 2 * lazy]


def test_a_crowd_with_slow_and_stalled_readers(tmp_path: Path, full: bool, figures: Figures) -> None:
    viewers, lazy, rate, seconds = (1000, 50, 500, 60) if full else (60, 5, 60, 8)
    with servers(tmp_path) as product:
        healthy, slow, stalled = watched(product, viewers, lazy)
        accounts = {seat.who.account_id: seat.who for seat in healthy}
        web = Web(product)
        empty = web.mib()
        with Crowd(product, [*slow, *stalled, *healthy]):
            opened, most, gone = web.mib(), 0.0, dict[int, float]()
            with writing(product, list(accounts.values()), 2, rate, seconds):
                began = time.monotonic()
                while time.monotonic() < began + seconds:
                    time.sleep(0.5)
                    most, peers = max(most, web.mib()), web.peers()
                    gone |= {seat.port: time.monotonic() - began for seat in stalled if seat.port not in peers | gone.keys()}
            logs = {account_id: written(product, who) for account_id, who in accounts.items()}
            wait_until(lambda: all(seat.cursor == logs[seat.who.account_id][-1][0] for seat in healthy), 60)
    took = [each for seat in healthy for each in delays(seat, logs[seat.who.account_id], [])]
    figures.show("MiB for each viewer that is let in", (opened - empty) / viewers)
    figures.at_most("memory under load, MiB more", most - opened, 64)
    figures.at_most("commit to a healthy browser p99, s", quantile(took, 0.99), 0.8)
    figures.show("stalled and let go", f"{len(gone)} of {lazy}")
    if full:
        figures.at_most("the last of them after, s", max(gone.values()), LET_GO_S)
        assert len(gone) == lazy
    for seat in healthy:
        assert [row[0] for row in seat.seen] == sorted({row[0] for row in seat.seen})
        assert len(seat.seen) + seat.summed == len(logs[seat.who.account_id])
