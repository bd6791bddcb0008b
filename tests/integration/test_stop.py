"""Check 6: SIGTERM to a worker with deliveries in the air, and to web under load."""

import asyncio
import signal
import threading
import time
from pathlib import Path

import pytest

from tests.fakes.receiver import Receiver, Reply
from tests.integration.figures import Figures
from tests.integration.load import send_evenly
from tests.integration.product import Servers
from tests.integration.sender import send_all
from tests.integration.waiting import OPEN, wait_until

pytestmark = [pytest.mark.integration, pytest.mark.postgres, pytest.mark.timeout(300)]

IN_AIR = "SELECT count(*) FROM deliveries_delivery WHERE status = 'delivering'"


def test_a_worker_lets_what_is_in_the_air_arrive(tmp_path: Path, full: bool, figures: Figures) -> None:
    number, slow_s = (200, 10.0) if full else (50, 4.0)
    with Receiver(lambda _: Reply(delay_s=slow_s)) as receiver, Servers(tmp_path) as product:
        prepared = product.prepare(receiver.url, timeout_s=20)
        product.end("worker-2", signal.SIGTERM)
        asyncio.run(send_all(product.url, prepared.token, [f"event-{n}" for n in range(number)], at_once=number))
        wait_until(lambda: product.sql(IN_AIR)[0][0] == number)
        began = time.monotonic()
        code = product.end("worker-1", signal.SIGTERM)
        figures.at_most("stopped after, s", time.monotonic() - began, 30)
        assert (code, product.sql(IN_AIR)[0][0]) == (0, 0)
        product.start("worker-2")
        wait_until(lambda: product.sql(OPEN)[0][0] == 0)
        figures.show("requests", len(receiver.got))
        assert len(receiver.got) == len(set(receiver.ids())) == number


def test_web_answers_what_it_has_begun(tmp_path: Path, full: bool, figures: Figures) -> None:
    seconds = 12 if full else 5
    with Receiver() as receiver, Servers(tmp_path) as product:
        prepared = product.prepare(receiver.url)
        codes: list[int] = []

        def stop_and_start() -> None:
            time.sleep(seconds / 2)
            began = time.monotonic()
            codes.append(product.end("web", signal.SIGTERM))
            figures.at_most("stopped after, s", time.monotonic() - began, 30)
            product.start("web")

        stopping = threading.Thread(target=stop_and_start)
        stopping.start()
        load = asyncio.run(send_evenly(product.url, prepared.token, "event", 100, seconds))
        stopping.join()
        wait_until(lambda: product.sql(OPEN)[0][0] == 0)
        figures.show("answers", dict(load.answers))
        assert codes == [0]
        assert load.answers[200] == 0  # nothing was stored without its answer
        assert len(receiver.got) == len(set(receiver.ids())) == 100 * seconds
