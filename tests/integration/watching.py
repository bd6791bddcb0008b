"""Logs that are written while somebody watches, and how long each took from its commit to a browser."""

import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from tests.integration.crowd import Seat
from tests.integration.product import ROOT, Prepared, Servers
from tests.services import Postgres

NOWHERE = "http://127.0.0.1:2/hook"
_WRITTEN = "SELECT cursor, id::text, pg_xact_commit_timestamp(xmin) FROM logs_log WHERE account_id = '{}' ORDER BY cursor"

Span = tuple[float, float]


def servers(directory: Path) -> Servers:
    """Whose database remembers when each row was committed."""
    product = Servers(directory)
    product.postgres.close()
    product.postgres = Postgres(settings={"track_commit_timestamp": "on"})
    return product


@contextmanager
def writing(product: Servers, accounts: Sequence[Prepared], writers: int, rate: float, seconds: float) -> Iterator[None]:
    """So many logs a second in all, by so many processes; ends when all are written."""
    command = [sys.executable, "-m", "tests.integration.writer", str(rate / writers), str(seconds)]
    command += [each.account_id for each in accounts]
    running = [subprocess.Popen(command, cwd=ROOT, env=product.environment) for _ in range(writers)]
    try:
        yield
        assert [each.wait(seconds + 120) for each in running] == [0] * writers
    finally:
        for each in running:
            each.kill()
            each.wait()


def written(product: Servers, account: Prepared) -> list[tuple[int, str, float]]:
    """Cursor, id and time of the commit of each of the account's logs."""
    rows = product.sql(_WRITTEN.format(account.account_id))
    return [(cursor, identity, at.timestamp()) for cursor, identity, at in rows]


def delays(seat: Seat, logs: Sequence[tuple[int, str, float]], faults: Sequence[Span]) -> list[float]:
    """Seconds from the commit of each entry to the viewer, without those committed in a fault."""
    commits = {cursor: at for cursor, _, at in logs}
    pairs = [(commits[cursor], came) for cursor, _, came in seat.seen]
    return [came - at for at, came in pairs if not any(start <= at <= end for start, end in faults)]


def instant() -> float:
    return datetime.now(UTC).timestamp()
