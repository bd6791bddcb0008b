"""Check 5: the disk of the database is full, then is not. Posts get 503 meanwhile; what was acknowledged is there.

It mounts a small tmpfs, so it needs root: only `make chaos` runs it.
"""

import asyncio
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.fakes.receiver import Receiver
from tests.integration.figures import Figures
from tests.integration.load import Load, send_evenly
from tests.integration.product import Embedded, Product, Servers
from tests.integration.waiting import OPEN, wait_until
from tests.services import Postgres

pytestmark = [pytest.mark.integration, pytest.mark.chaos, pytest.mark.timeout(300)]

RATE, FULL_S = 100, 8.0


@pytest.fixture
def disk() -> Iterator[Path]:
    place = Path(tempfile.mkdtemp(prefix="disk-"))
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=192m", "tmpfs", str(place)], check=True)
    place.chmod(0o755)  # PostgreSQL does not run as root
    yield place
    subprocess.run(["umount", "--lazy", str(place)], check=True)
    place.rmdir()


@pytest.mark.embedded
def test_sqlite_goes_on_when_there_is_room_again(disk: Path, figures: Figures) -> None:
    with Receiver() as receiver, Embedded(disk) as product:
        load = while_full(product, receiver, disk, lambda: None)
        judge(product, receiver, load, figures)


@pytest.mark.postgres
def test_postgres_goes_on_when_there_is_room_again(disk: Path, tmp_path: Path, figures: Figures) -> None:
    product = Servers(tmp_path)
    data = disk / "postgres"
    data.mkdir()
    product.postgres = Postgres(data)
    with Receiver() as receiver, product:

        def supervise() -> None:
            """PostgreSQL ends itself when its log has no room; whoever runs it starts it again."""
            product.postgres.kill()
            product.postgres.start()

        load = while_full(product, receiver, disk, supervise)
        judge(product, receiver, load, figures)


def while_full(product: Product, receiver: Receiver, disk: Path, room_again: Callable[[], None]) -> Load:
    prepared = product.prepare(receiver.url)

    async def both() -> Load:
        sending = asyncio.create_task(send_evenly(product.url, prepared.token, "event", RATE, FULL_S + 6))
        await asyncio.sleep(3)
        await asyncio.to_thread(fill, disk / "ballast", FULL_S)
        await asyncio.to_thread(room_again)
        return await sending

    load = asyncio.run(both())
    wait_until(lambda: product.sql(OPEN)[0][0] == 0)
    return load


def fill(ballast: Path, seconds: float) -> None:
    """Keeps the disk full for so long, whatever is freed meanwhile."""
    end = time.monotonic() + seconds
    with ballast.open("wb", buffering=0) as file:
        while time.monotonic() < end:
            try:
                file.write(bytes(65_536))
            except OSError:
                time.sleep(0.01)
    ballast.unlink()


def judge(product: Product, receiver: Receiver, load: Load, figures: Figures) -> None:
    stored = {row[0] for row in product.sql("SELECT event_id FROM events_event")}
    figures.show("answers", dict(load.answers))
    figures.show("acknowledged without a row", len(load.acknowledged.keys() - stored))
    figures.show("requests", len(receiver.got))
    figures.at_most("slowest 503, s", max(load.unavailable), 2.5)
    assert set(load.answers) == {200, 202, 503} or set(load.answers) == {202, 503}
    assert load.without_retry_after == 0
    assert load.acknowledged.keys() == stored
    assert len(set(receiver.ids())) == len(stored)
