"""What operators ask of the running processes: /health/ready/ with the database frozen and Redis away, /metrics everywhere."""

import asyncio
import json
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from tests.fakes.receiver import Receiver
from tests.integration.figures import Figures
from tests.integration.product import Embedded, Product, Servers, free_port
from tests.integration.sender import send_all
from tests.integration.waiting import OPEN, wait_until

pytestmark = [pytest.mark.integration, pytest.mark.timeout(300)]


def ask(url: str) -> tuple[int, str]:
    """By the address that a scraper knows."""
    request = urllib.request.Request(url, headers={"Host": "10.1.2.3"})
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def ready(product: Product) -> tuple[int, dict[str, Any]]:
    status, body = ask(f"{product.url}/health/ready/")
    return status, json.loads(body)


def is_ready(product: Product) -> bool:
    return ready(product) == (200, {"status": "ok"})


def said(text: str, name: str) -> float:
    (line,) = [line for line in text.splitlines() if line.startswith(f"{name} ")]
    return float(line.split(" ")[1])


@pytest.mark.embedded
def test_one_process_under_daphne_is_ready_and_counts_all_of_it(tmp_path: Path) -> None:
    with Receiver() as receiver, Embedded(tmp_path) as product:
        wait_until(lambda: is_ready(product))
        prepared = product.prepare(receiver.url)
        asyncio.run(send_all(product.url, prepared.token, [f"event-{n}" for n in range(5)]))
        wait_until(lambda: product.sql(OPEN)[0][0] == 0)
        status, text = ask(f"{product.url}/metrics")
    assert status == 200
    names = ['datapusher_post_seconds_count{status="202"}', 'datapusher_deliveries_total{step="delivered"}']
    assert [said(text, name) for name in names] == [5, 5]


@pytest.mark.postgres
def test_web_and_worker_say_how_they_fare_whatever_is_away(tmp_path: Path, figures: Figures) -> None:
    product = Servers(tmp_path)
    product.environment["METRICS_PORT"] = str(free_port())
    worker = f"http://127.0.0.1:{product.environment['METRICS_PORT']}"
    with product:
        wait_until(lambda: is_ready(product))
        wait_until(lambda: said(ask(f"{worker}/metrics")[1], "datapusher_workers") == 2)
        frozen(product, worker, figures)
        without_redis(product)
        assert [name for name, process in product.processes.items() if process.poll() is not None] == []
        assert "METRICS_PORT" in product.logged()  # one of the two workers has it, the other says so and delivers


def frozen(product: Servers, worker: str, figures: Figures) -> None:
    took = list[float]()

    def asked() -> tuple[int, dict[str, Any]]:
        began = time.monotonic()
        answer = ready(product)
        took.append(time.monotonic() - began)
        return answer

    product.postgres.freeze()
    wait_until(lambda: asked() == (503, {"status": "unavailable", "code": "database_away"}))
    assert asked()[0] == 503
    figures.at_most("slowest answer, s", max(took), 2.5)
    assert [ask(f"{url}/health/live/")[0] for url in (product.url, worker)] == [200, 200]
    wait_until(lambda: said(ask(f"{worker}/metrics")[1], "datapusher_database_up") == 0)
    product.postgres.thaw()
    wait_until(lambda: is_ready(product))


def without_redis(product: Servers) -> None:
    product.valkey.kill()
    wait_until(lambda: ready(product) == (200, {"status": "degraded", "code": "redis_away", "degraded": ["redis_away"]}))
    product.valkey.start()
    wait_until(lambda: is_ready(product))
