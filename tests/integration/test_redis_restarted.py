"""What the field was measured with (7,201 events at 300/s, AOF everysec): Redis is killed and restarted three times; or it
comes back once, empty. Beside ours stand the numbers of the others."""

import asyncio
import shutil
import threading
import time
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.fakes.receiver import Receiver
from tests.integration.figures import Figures
from tests.integration.load import event_of, quantile, send_evenly
from tests.integration.product import Servers
from tests.integration.waiting import OPEN, wait_until
from tests.services import Valkey

pytestmark = [pytest.mark.integration, pytest.mark.postgres, pytest.mark.chaos, pytest.mark.timeout(300)]


@dataclass(frozen=True)
class Fault:
    times: int
    emptied: bool
    others: str


FAULTS = [
    pytest.param(
        Fault(3, False, "lost: WebhookX 0, Svix 0, Outpost 11 (and 5,334 times 500), Convoy 522"),
        id="restarted three times",
    ),
    pytest.param(Fault(1, True, "lost: WebhookX 1, Svix 5,400, Convoy 6,287"), id="once back empty"),
]


def restart(valkey: Valkey, fault: Fault, seconds: float) -> None:
    for _ in range(fault.times):
        time.sleep(seconds / (fault.times + 1))
        valkey.kill()
        if fault.emptied:
            shutil.rmtree(valkey.directory / "appendonlydir")
        time.sleep(0.5)
        valkey.start()


@pytest.mark.parametrize("fault", FAULTS)
def test_every_acknowledged_event_arrives(tmp_path: Path, fault: Fault, figures: Figures) -> None:
    rate, seconds = 300, 24
    product = Servers(tmp_path)
    product.valkey.close()
    product.valkey = Valkey(persistent=True, fsync="everysec")
    with Receiver() as receiver, product:
        prepared = product.prepare(receiver.url, timeout_s=15)
        faulty = threading.Thread(target=restart, args=(product.valkey, fault, seconds))
        faulty.start()
        load = asyncio.run(send_evenly(product.url, prepared.token, "event", rate, seconds))
        faulty.join()
        wait_until(lambda: product.sql(OPEN)[0][0] == 0)
    lost = load.acknowledged.keys() - {event_of(request.body) for request in receiver.got}
    figures.show("acknowledged", len(load.acknowledged))
    figures.show("lost", len(lost))
    figures.show("5xx", sum(number for status, number in load.answers.items() if status >= 500))
    figures.at_most("start p99, s", quantile(load.starts(receiver.got), 0.99), 1.5)
    figures.show("the others with the same:", fault.others)
    assert (dict(load.answers), lost) == ({202: rate * seconds}, set())
