"""Check 4: PostgreSQL is restarted at once, again and again, under load."""

import asyncio
import threading
import time
from collections import Counter
from pathlib import Path

import pytest

from tests.fakes.receiver import Received, Receiver, Reply
from tests.integration.figures import Figures
from tests.integration.load import Load, event_of, send_evenly
from tests.integration.product import Servers
from tests.integration.waiting import OPEN, wait_until

pytestmark = [pytest.mark.integration, pytest.mark.postgres, pytest.mark.timeout(600)]


def test_posts_wait_or_get_503_and_no_finished_delivery_is_sent_again(tmp_path: Path, full: bool, figures: Figures) -> None:
    rate, restarts, timeout_s = (150, 10, 15) if full else (50, 1, 8)
    with Receiver(lambda _: Reply(delay_s=0.02)) as receiver, Servers(tmp_path) as product:
        prepared = product.prepare(receiver.url, timeout_s=timeout_s)  # slowness of the machine is no fault here
        back: list[float] = []
        restarting = threading.Thread(target=restart_often, args=(product, restarts, back))
        restarting.start()
        load = asyncio.run(send_evenly(product.url, prepared.token, "event", rate, 4 * restarts + 6))
        restarting.join()
        wait_until(lambda: product.sql(OPEN)[0][0] == 0)
        stored = {row[0] for row in product.sql("SELECT event_id FROM events_event")}
        assert [name for name, process in product.processes.items() if process.poll() is not None] == []
    judge(figures, load, stored, receiver.got, back)


def restart_often(product: Servers, restarts: int, back: list[float]) -> None:
    for _ in range(restarts):
        time.sleep(4)
        product.kill("postgres")
        back.append(time.monotonic())


def judge(figures: Figures, load: Load, stored: set[str], got: list[Received], back: list[float]) -> None:
    arrived = Counter(event_of(request.body) for request in got)
    again = sum(arrived.values()) - len(arrived)
    resumed = [min((at - moment for at in load.acknowledged.values() if at >= moment), default=99.0) for moment in back]
    figures.show("answers", dict(load.answers))
    figures.show("2xx without its row", len(load.acknowledged.keys() - stored))
    figures.show("503 without Retry-After", load.without_retry_after)
    figures.show("sent again though answered", again)
    figures.at_most("slowest 503, s", max(load.unavailable, default=0.0), 2.5)
    figures.at_most("first 2xx after PostgreSQL answers, s", max(resumed), 5)
    assert set(load.answers) <= {200, 202, 503}
    assert load.without_retry_after == 0
    assert load.acknowledged.keys() <= stored
    assert arrived.keys() == stored
    assert again == 0
