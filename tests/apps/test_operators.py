"""/health/ and /metrics: what they answer, to whom, and what is counted on the way of an event."""

import asyncio
import json
import time
from typing import Any

import pytest
from channels.layers import get_channel_layer
from django.conf import LazySettings
from django.db import OperationalError, connection
from django.test import Client
from prometheus_client import REGISTRY

from apps.common.metrics import POST_SECONDS
from apps.deliveries import exposition
from apps.deliveries.engine import Engine
from apps.deliveries.jobs import Process
from apps.deliveries.models import Delivery
from apps.deliveries.vitals import beat
from apps.ingest import batch
from apps.ingest.services import Incoming, accept
from apps.logs.models import Log
from consumers.routing import application
from datapusher import health
from tests.cast import Cast
from tests.fakes.asgi import Response, call
from tests.fakes.receiver import Receiver, Reply
from tests.posting import in_db, post, until


@pytest.fixture(autouse=True)
def no_look_outlives_its_test(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health, "_FRESH_S", 0.0)
    monkeypatch.setattr(exposition, "_FRESH_S", 0.0)


async def get(path: str, *headers: tuple[str, str], method: str = "GET") -> Response:
    return await call(application, method, path, headers)


async def ready() -> tuple[int, dict[str, Any]]:
    answer = await get("/health/ready/")
    assert answer.headers["cache-control"].startswith("max-age=0, no-cache, no-store")
    return answer.status, json.loads(answer.body)


async def test_with_a_worker_all_is_well(store: None) -> None:
    await in_db(beat, works=True)
    assert await ready() == (200, {"status": "ok"})


async def test_without_a_worker_posts_are_stored_all_the_same(store: None) -> None:
    assert await ready() == (200, {"status": "degraded", "code": "no_worker", "degraded": ["no_worker"]})


async def test_without_redis_too(store: None, monkeypatch: pytest.MonkeyPatch) -> None:
    async def away(_: object) -> set[str]:
        raise ConnectionError

    monkeypatch.setattr(get_channel_layer(), "heard", away)
    assert await ready() == (200, {"status": "degraded", "code": "redis_away", "degraded": ["redis_away", "no_worker"]})


async def test_without_a_table_nothing_can_be_stored(store: None) -> None:
    def rename(old: str, new: str) -> None:
        with connection.cursor() as cursor:
            cursor.execute(f"ALTER TABLE {old} RENAME TO {new}")

    await in_db(rename, "deliveries_process", "deliveries_away")
    try:
        assert await ready() == (503, {"status": "unavailable", "code": "migrations_missing"})
    finally:
        await in_db(rename, "deliveries_away", "deliveries_process")
    assert (await ready())[0] == 200


class DiskFull(Exception):
    sqlstate = "53100"


async def test_a_disk_that_is_full_for_posts_only_is_full(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise OperationalError from DiskFull()

    with monkeypatch.context() as patch:
        patch.setattr(batch, "store", full)
        assert (await post(cast.token, "e1", b"{}")).status == 503
    assert await ready() == (503, {"status": "unavailable", "code": "disk_full"})
    assert (await post(cast.token, "e2", b"{}")).status == 202
    assert (await ready())[0] == 200


async def test_any_other_trouble_of_a_post_says_nothing_of_the_next(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    def away(*_: object, **__: object) -> None:
        raise OperationalError

    monkeypatch.setattr(batch, "store", away)
    assert (await post(cast.token, "e1", b"{}")).status == 503
    assert (await ready())[0] == 200


async def test_however_often_it_is_asked_it_writes_one_row(store: None) -> None:
    for _ in range(10):
        assert (await ready())[0] == 200
    assert await in_db(Process.objects.count) == 1


@pytest.mark.parametrize("path", ["/health/live/", "/health/live", "/health/ready/", "/health/ready", "/metrics", "/metrics/"])
async def test_operators_need_no_allowed_host_and_no_https(store: None, settings: LazySettings, path: str) -> None:
    settings.SECURE_SSL_REDIRECT = True
    assert (await get(path, ("Host", "10.1.2.3:8000"))).status == 200
    assert (await get(path, method="HEAD")).status == 200
    refused = await get(path, method="POST")
    assert (refused.status, refused.headers["allow"]) == (405, "GET, HEAD")


def test_without_our_front_they_answer_too(store: None, client: Client) -> None:
    assert client.get("/health/live/").json() == {"status": "ok"}
    assert client.get("/health/ready/").json()["status"] == "degraded"
    assert client.get("/metrics").text.startswith("# HELP")


@pytest.mark.parametrize("path", ["/health/live/", "/health/ready/", "/metrics"])
def test_a_browser_that_is_led_to_them_runs_and_frames_nothing(store: None, client: Client, path: str) -> None:
    headers = client.get(path).headers
    assert headers["Content-Security-Policy"] == "default-src 'none'; frame-ancestors 'none'"
    assert headers["X-Content-Type-Options"] == "nosniff"


async def test_metrics_are_for_those_with_the_token(store: None, settings: LazySettings) -> None:
    settings.METRICS_TOKEN = "hunter2"
    refused = await get("/metrics")
    assert (refused.status, refused.headers["www-authenticate"], refused.body) == (401, "Bearer", b"")
    assert (await get("/metrics", ("Authorization", "Bearer hunter2"))).status == 200
    settings.METRICS_TOKEN, settings.HOST = "", "0.0.0.0"
    assert (await get("/metrics")).status == 404


def said(text: str, name: str) -> float:
    (line,) = [line for line in text.splitlines() if line.startswith(f"{name} ")]
    return float(line.split(" ")[1])


async def test_what_the_database_knows_stands_in_metrics(cast: Cast) -> None:
    await in_db(cast.destination, "https://example.com/")
    await in_db(beat, works=True)
    await post(cast.token, "e1", b"{}")
    text = (await get("/metrics")).body.decode()
    asked = ["datapusher_database_up", "datapusher_workers", 'datapusher_backlog{queue="ready"}']
    assert [said(text, name) for name in asked] == [1, 1, 1]


async def test_a_database_without_an_answer_costs_its_own_numbers_only(store: None, monkeypatch: pytest.MonkeyPatch) -> None:
    def away() -> None:
        raise OperationalError

    monkeypatch.setattr(exposition, "figures", away)
    text = (await get("/metrics")).body.decode()
    assert said(text, "datapusher_database_up") == 0
    assert str(said(text, 'datapusher_backlog{queue="ready"}')) == "nan"
    assert "process_start_time_seconds" in text


COUNTED = {
    "accepted": ("datapusher_post_seconds_count", {"status": "202"}),
    "again": ("datapusher_post_seconds_count", {"status": "200"}),
    "refused": ("datapusher_post_seconds_count", {"status": "400"}),
    "begun": ("datapusher_deliveries_total", {"step": "accepted"}),
    "delivered": ("datapusher_deliveries_total", {"step": "delivered"}),
    "failed tries": ("datapusher_tries_total", {"error": "http_status"}),
    "good tries": ("datapusher_tries_total", {"error": "none"}),
    "tries": ("datapusher_try_seconds_count", {}),
    "first tries": ("datapusher_start_seconds_count", {}),
    "claimed": ("datapusher_claimed_deliveries_total", {}),
}


def counts() -> dict[str, float]:
    return {what: REGISTRY.get_sample_value(name, labels) or 0 for what, (name, labels) in COUNTED.items()}


async def test_an_events_way_is_counted_step_by_step(cast: Cast, receiver: Receiver, engine: Engine) -> None:
    receiver.answer = lambda _: Reply(503 if len(receiver.got) <= 2 else 200)
    for name in ("a", "b"):
        await in_db(cast.destination, f"{receiver.url}/{name}", retry_schedule=[1])
    before = counts()
    for event_id in ("e1", "e1", "not ok"):
        await post(cast.token, event_id, b"{}")
    engine.wake()
    await until(lambda: Log.objects.count() == 4)
    await until(lambda: counts()["good tries"] - before["good tries"] == 2)
    after = counts()
    assert {what: after[what] - before[what] for what in COUNTED} == {
        "accepted": 1, "again": 1, "refused": 1, "begun": 2, "delivered": 2, "failed tries": 2, "good tries": 2, "tries": 4,
        "first tries": 2, "claimed": 4,
    }  # fmt: skip


async def test_what_is_stored_again_or_undone_is_not_counted(cast: Cast) -> None:
    await in_db(cast.destination, "https://example.com/")
    before = counts()["begun"]
    for _ in range(3):
        await post(cast.token, "e1", b"{}")
    assert (counts()["begun"] - before, await in_db(Delivery.objects.count)) == (1, 1)


async def test_nothing_in_metrics_names_an_account(cast: Cast, receiver: Receiver, engine: Engine) -> None:
    destination = await in_db(cast.destination, receiver.url)
    await post(cast.token, "order-1", b"{}")
    engine.wake()
    await until(Log.objects.exists)
    text = (await get("/metrics")).body.decode()
    hidden = [cast.token, str(cast.account.pk), str(destination.pk), "order-1", receiver.url, "Northwind", "alice"]
    assert [each for each in hidden if each in text] == []


async def test_a_slow_sender_is_not_our_time(cast: Cast) -> None:
    """Nor is what it takes to send counted when it never ends."""
    spread = POST_SECONDS.of["503"]
    before, slow = (sum(spread.counts), spread.total), list[float]()

    async def cut() -> bytes:
        began = time.monotonic()
        await asyncio.sleep(0.3)
        slow.append(time.monotonic() - began)
        raise ConnectionError

    sent = {"cl-x-token": cast.token, "cl-x-event-id": "e1", "content-type": "application/json"}
    began = time.monotonic()
    assert (await accept(Incoming("POST", sent, cut))).status == 503
    assert sum(spread.counts) - before[0] == 1
    assert spread.total - before[1] <= time.monotonic() - began - slow[0]


async def test_only_their_own_paths_are_answered_before_django(store: None) -> None:
    assert [(await get(path)).status for path in ("/metrics/x", "/health/", "/health/live/x")] == [404] * 3
