"""Check 2: the web process is killed while a client posts and repeats on no answer. Every 2xx is stored, once."""

import asyncio
import signal
import threading
import time
from pathlib import Path

import pytest

from tests.fakes.receiver import Receiver
from tests.integration.figures import Figures
from tests.integration.load import Load, send_evenly
from tests.integration.product import Embedded, Product, Servers

pytestmark = [pytest.mark.integration, pytest.mark.timeout(900)]

WITHOUT_DELIVERY = """
SELECT count(*) FROM events_event AS event
WHERE (SELECT count(*) FROM deliveries_delivery AS own WHERE own.event_id = event.id) <> 2
"""
KINDS = [
    pytest.param(Embedded, "serve", marks=pytest.mark.embedded, id="embedded"),
    pytest.param(Servers, "web", marks=pytest.mark.postgres, id="servers"),
]


@pytest.mark.parametrize(("kind", "victim"), KINDS)
def test_every_2xx_stands_with_its_deliveries(
    tmp_path: Path, kind: type[Product], victim: str, full: bool, figures: Figures
) -> None:
    rate, seconds, kills = (80, 63, 30) if full else (80, 6, 3)
    with Receiver() as receiver, kind(tmp_path) as product:
        prepared = product.prepare(f"{receiver.url}/a", f"{receiver.url}/b")
        killing = threading.Thread(target=kill_often, args=(product, victim, kills, seconds))
        killing.start()
        load = asyncio.run(send_evenly(product.url, prepared.token, "event", rate, seconds))
        killing.join()
        stored = [row[0] for row in product.sql("SELECT event_id FROM events_event")]
        without = product.sql(WITHOUT_DELIVERY)[0][0]
    show(figures, load, stored, without)
    assert sorted(stored) == sorted(load.acknowledged)
    assert len(stored) == rate * seconds
    assert without == 0


def kill_often(product: Product, victim: str, kills: int, seconds: float) -> None:
    for _ in range(kills):
        time.sleep(seconds / (kills + 1))
        product.end(victim, signal.SIGKILL)
        product.start(victim)


def show(figures: Figures, load: Load, stored: list[str], without: int) -> None:
    figures.show("acknowledged", len(load.acknowledged))
    figures.show("stored", len(stored))
    figures.show("events without their deliveries", without)
    figures.show("answers", dict(load.answers))
