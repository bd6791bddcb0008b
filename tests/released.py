"""`python -m tests.released`: writes tests/data/released/ anew, from a product that has just run. A release does so.

`postgresql.sql` and `sqlite.sql` are databases with a handful of rows: an account, an event that was delivered and one that
waits for its next try. `migrations.txt` are the migrations of that state, as `sha256sum` writes them.
"""

import hashlib
import json
import sqlite3
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path

from tests.fakes.receiver import Receiver, Reply
from tests.integration.product import ROOT, Embedded, Product, Servers
from tests.integration.sending import post
from tests.integration.waiting import wait_until

RELEASED = ROOT / "tests" / "data" / "released"
WAITING = "SELECT count(*) FROM deliveries_delivery WHERE status = 'pending' AND attempts = 1"
# Slips are booked, words written: nothing is left that a dump could catch half way.
BUSY = "SELECT (SELECT count(*) FROM logs_slip) + (SELECT count(*) FROM events_unindexed)"


def migrations() -> list[Path]:
    return sorted(file for file in ROOT.glob("apps/*/migrations/*.py") if file.name != "__init__.py")


def checksum(file: Path) -> str:
    return f"{hashlib.sha256(file.read_bytes()).hexdigest()}  {file.relative_to(ROOT)}"


def _of_sqlite(product: Product) -> str:
    with sqlite3.connect(product.directory / "datapusher.sqlite3") as connection:
        return "\n".join(connection.iterdump()) + "\n"


def _of_postgresql(product: Product) -> str:
    assert isinstance(product, Servers)
    program = product.postgres._bin / "pg_dump"
    wanted = ["--inserts", "--rows-per-insert=100", "--no-owner", "--no-privileges", f"--dbname={product.postgres.url}"]
    done = subprocess.run([str(program), *wanted], capture_output=True, text=True, check=True)
    # What only psql understands.
    return "".join(line for line in done.stdout.splitlines(keepends=True) if not line.startswith("\\"))


def _live(kind: type[Product], dump: Callable[[Product], str], directory: Path) -> tuple[str, str]:
    """The dump, and the token of the account in it."""
    with Receiver() as receiver, kind(directory) as product:
        prepared = product.prepare(receiver.url, retry_schedule=[3600], timeout_s=5)
        post(product.url, prepared.token, "delivered", b'{"total": 1.10}')
        wait_until(lambda: len(receiver.got) == 1)
        receiver.answer = lambda _: Reply(503)
        post(product.url, prepared.token, "waiting", b'{"total": 2.20}')
        wait_until(lambda: product.sql(WAITING)[0][0] == 1 and product.sql(BUSY)[0][0] == 0)
        return dump(product), prepared.token


def main() -> None:
    RELEASED.mkdir(exist_ok=True)
    tokens = {}
    for name, kind, dump in (("sqlite", Embedded, _of_sqlite), ("postgresql", Servers, _of_postgresql)):
        with tempfile.TemporaryDirectory() as directory:
            text, tokens[name] = _live(kind, dump, Path(directory))
        (RELEASED / f"{name}.sql").write_text(text)
    (RELEASED / "tokens.json").write_text(json.dumps(tokens, indent=2) + "\n")
    (RELEASED / "migrations.txt").write_text("".join(f"{checksum(file)}\n" for file in migrations()))


if __name__ == "__main__":
    main()
