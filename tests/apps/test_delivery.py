"""From a stored event to the receiver and into the log."""

import logging
import threading
from datetime import datetime
from urllib.parse import parse_qsl, urlsplit
from uuid import UUID

import pytest
from django.conf import LazySettings
from django.db import OperationalError
from standardwebhooks import Webhook

from apps.accounts.services import delete_account
from apps.deliveries import claims
from apps.deliveries.compose import compose
from apps.deliveries.engine import Engine
from apps.deliveries.holding import bring_back
from apps.deliveries.models import Delivery
from apps.deliveries.request import Claim, OutboundRequest
from apps.deliveries.services import replay
from apps.destinations.models import Destination
from apps.destinations.services import delete_destination, pause, resume
from apps.events.models import Event
from apps.logs.models import Log
from tests.cast import Cast, make_destination
from tests.fakes.receiver import Receiver, Reply
from tests.posting import in_db, post, until


def logged(number: int) -> bool:
    return Log.objects.count() >= number


async def test_a_post_reaches_its_destination_with_a_signature_that_anybody_can_verify(
    cast: Cast, receiver: Receiver, engine: Engine
) -> None:
    destination = await in_db(cast.destination, receiver.url)
    await post(cast.token, "order-1", b'{"total": 1.10}')
    engine.wake()
    await until(lambda: receiver.got)
    (request,) = receiver.got
    assert request.body == b'{"total": 1.10}'
    Webhook(destination.signing_secret).verify(request.body, dict(request.headers))


async def test_each_try_is_logged_and_the_webhook_id_stays(cast: Cast, receiver: Receiver, engine: Engine) -> None:
    await in_db(cast.destination, receiver.url, retry_schedule=[1])
    receiver.answer = lambda _: Reply(503 if len(receiver.got) == 1 else 200, body=b"later")
    await post(cast.token, "e1", b"{}")
    engine.wake()
    await until(lambda: logged(2))
    first, second = await in_db(lambda: list(Log.objects.order_by("cursor")))
    assert (first.status, first.error, first.response_status, first.attempt) == ("failed", "http_status", 503, 1)
    assert (second.status, second.error, second.response_status, second.attempt) == ("success", "", 200, 2)
    assert (first.cursor, second.cursor, first.max_attempts) == (1, 2, 2)
    assert first.next_attempt_at is not None
    assert second.next_attempt_at is None
    assert len(set(receiver.ids())) == 1
    assert bytes(first.response_body) == b"later"


async def test_when_the_tries_end_the_delivery_has_failed(cast: Cast, receiver: Receiver, engine: Engine) -> None:
    await in_db(cast.destination, receiver.url, retry_schedule=[1])
    receiver.answer = lambda _: Reply(302, {"Location": receiver.url})
    await post(cast.token, "e1", b"{}")
    engine.wake()
    await until(lambda: logged(2))
    delivery = await in_db(Delivery.objects.get)
    assert (delivery.status, delivery.reason, delivery.attempts) == ("failed", "tries_ended", 2)
    assert len(receiver.got) == 2


async def test_get_carries_the_data_in_its_query(cast: Cast, receiver: Receiver, engine: Engine) -> None:
    await in_db(cast.destination, f"{receiver.url}?key=kept", http_method="GET")
    await post(cast.token, "e1", b'{"key": "lost", "text": "a b&c", "number": 1.10, "list": [1, {"a": null}]}')
    engine.wake()
    await until(lambda: receiver.got)
    (request,) = receiver.got
    wanted = [("key", "kept"), ("text", "a b&c"), ("number", "1.10"), ("list", '[1,{"a":null}]')]
    assert parse_qsl(urlsplit(request.target).query) == wanted
    assert (request.method, request.body, request.header("Content-Type")) == ("GET", b"", "")


async def test_a_get_whose_url_would_be_too_long_is_not_sent(cast: Cast, receiver: Receiver, engine: Engine) -> None:
    await in_db(cast.destination, receiver.url, http_method="GET")
    await post(cast.token, "e1", b'{"text": "%s"}' % (b"x" * 8192))
    engine.wake()
    await until(lambda: logged(1))
    delivery, log = await in_db(Delivery.objects.get), await in_db(Log.objects.get)
    assert (delivery.status, delivery.reason, log.error, log.response_status) == (
        "failed",
        "url_too_long",
        "url_too_long",
        None,
    )
    assert receiver.got == []


async def test_410_disables_the_destination_and_what_waits_is_held(cast: Cast, receiver: Receiver, engine: Engine) -> None:
    destination = await in_db(cast.destination, receiver.url, retry_schedule=[1])
    receiver.answer = lambda _: Reply(410)
    await post(cast.token, "e1", b"{}")
    engine.wake()
    await until(lambda: logged(1))
    await in_db(destination.refresh_from_db)
    assert (destination.state, destination.state_reason) == ("disabled", "answered 410 Gone")
    assert (await in_db(Delivery.objects.get)).status == "pending"


@pytest.mark.parametrize(("size", "thread"), [(10, "MainThread"), (60_000, "heavy_0")])
async def test_what_is_large_is_composed_beside_the_event_loop(
    cast: Cast, receiver: Receiver, engine: Engine, monkeypatch: pytest.MonkeyPatch, size: int, thread: str
) -> None:
    names: list[str] = []

    def noted(claim: Claim, now: datetime) -> OutboundRequest | None:
        names.append(threading.current_thread().name)
        return compose(claim, now)

    monkeypatch.setattr("apps.deliveries.engine.compose", noted)
    await in_db(cast.destination, receiver.url)
    await post(cast.token, "e1", b'["%s"]' % (b"x" * size))
    engine.wake()
    await until(lambda: receiver.got)
    assert names == [thread]


async def test_a_paused_destination_holds_its_data_until_it_is_resumed(cast: Cast, receiver: Receiver, engine: Engine) -> None:
    admin = await in_db(lambda: cast.admin)
    paused = await in_db(cast.destination, receiver.url)
    await in_db(cast.destination, f"{receiver.url}/other")
    await in_db(pause, destination=paused, by=admin)
    await post(cast.token, "e1", b"{}")
    engine.wake()
    await until(lambda: logged(1))
    assert [request.target for request in receiver.got] == ["/hook/other"]
    await in_db(resume, destination=paused, by=admin)
    assert await in_db(bring_back) == 1
    engine.wake()
    await until(lambda: logged(2))
    assert [request.target for request in receiver.got] == ["/hook/other", "/hook"]


@pytest.mark.parametrize("what", ["destination", "account"])
async def test_a_claim_cancels_what_waits_for_something_deleted(what: str, cast: Cast, receiver: Receiver) -> None:
    destination = await in_db(cast.destination, receiver.url)
    await in_db(pause, destination=destination, by=await in_db(lambda: cast.admin))
    await post(cast.token, "e1", b"{}")
    if what == "account":
        await in_db(lambda: delete_account(by=cast.admin))
    else:
        await in_db(delete_destination, destination=destination, by=await in_db(lambda: cast.admin))
    engine = Engine()  # only now: what it had put aside before, only a chore would cancel
    engine.start()
    try:
        await until(lambda: Delivery.objects.filter(status="cancelled", reason="deleted").exists())
    finally:
        await engine.stop()
    assert receiver.got == []


async def test_an_event_without_a_destination_is_stored(cast: Cast) -> None:
    answer = await post(cast.token, "e1", b"{}")
    assert answer.status == 202
    assert await in_db(Delivery.objects.count) == 0


async def test_the_destinations_own_header_values_are_masked_in_what_is_logged(
    cast: Cast, receiver: Receiver, engine: Engine
) -> None:
    await in_db(cast.destination, receiver.url, headers={"Authorization": "Bearer s3cret-value"})
    receiver.answer = lambda _: Reply(400, {"X-Echo": "s3cret-value", "Set-Cookie": "a=b"}, b"you sent s3cret-value")
    await post(cast.token, "e1", b"{}")
    engine.wake()
    await until(lambda: logged(1))
    log = await in_db(Log.objects.get)
    assert receiver.got[0].header("Authorization") == "Bearer s3cret-value"
    assert b"s3cret" not in bytes(log.response_headers) + bytes(log.response_body)
    assert b"a=b" not in bytes(log.response_headers)


async def test_our_own_fault_uses_up_no_try(
    cast: Cast, receiver: Receiver, engine: Engine, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def no_key(*_: object) -> None:
        raise RuntimeError("no key fits")

    monkeypatch.setattr("apps.deliveries.engine.compose", no_key)
    await in_db(cast.destination, receiver.url)
    await post(cast.token, "e1", b"{}")
    with caplog.at_level(logging.ERROR):
        engine.wake()
        await until(lambda: Delivery.objects.filter(status="pending", claims=1, attempts=0).exists())
    assert "could not be tried" in caplog.text
    assert not await in_db(Log.objects.exists)


async def test_the_engine_outlives_an_error_of_ours(
    cast: Cast, receiver: Receiver, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    claim_due, failures = claims.claim_due, iter([ZeroDivisionError, OperationalError])

    def sometimes(limit: int, *, each: int, without: frozenset[UUID]) -> list[Claim]:
        for failure in failures:
            raise failure
        return claim_due(limit, each=each, without=without)

    monkeypatch.setattr(claims, "claim_due", sometimes)
    await in_db(cast.destination, receiver.url)
    await post(cast.token, "e1", b"{}")
    engine.wake()
    await until(lambda: receiver.got)
    assert list(failures) == []


async def test_a_lease_that_is_nearly_over_is_not_dialled(
    cast: Cast, receiver: Receiver, engine: Engine, settings: LazySettings
) -> None:
    settings.LEASE_MARGIN_S = 1
    await in_db(cast.destination, receiver.url)
    await post(cast.token, "e1", b"{}")
    engine.wake()
    await until(lambda: Delivery.objects.filter(status="pending", claims=1).exists())
    assert receiver.got == []


async def test_the_worker_takes_no_more_than_it_has_seats_for(
    cast: Cast, receiver: Receiver, engine: Engine, settings: LazySettings
) -> None:
    settings.WORKER_SEATS = 2
    receiver.answer = lambda _: Reply(delay_s=0.3)
    for name in "abcde":
        await in_db(cast.destination, f"{receiver.url}/{name}")
    await post(cast.token, "e1", b"{}")
    engine.wake()
    await until(lambda: receiver.got)
    assert await in_db(Delivery.objects.filter(status="delivering").count) <= 2
    await until(lambda: logged(5))
    assert sorted(request.target[-1] for request in receiver.got) == list("abcde")


async def test_an_event_to_many_that_hang_leaves_a_seat_to_the_other_account(
    cast: Cast, receiver: Receiver, engine: Engine, settings: LazySettings
) -> None:
    settings.WORKER_SEATS, settings.WORKER_SLOW_SEATS, enough = 8, 4, threading.Event()
    receiver.answer = lambda request: Reply(after=None if request.target.endswith("theirs") else enough)
    for number in range(20):
        await in_db(cast.destination, f"{receiver.url}/{number}", timeout_s=30)
    await in_db(lambda: make_destination(cast.other.members.get(), f"{receiver.url}/theirs"))
    await post(cast.token, "e1", b"{}")
    engine.wake()
    await until(lambda: len(receiver.got) >= 11)  # of the 12 that may hang at once
    await post(cast.other_token, "e1", b"{}")
    engine.wake()
    await until(lambda: len(receiver.got) >= 12)
    assert [request.target for request in receiver.got if request.target.endswith("theirs")] == [receiver.got[-1].target]
    enough.set()


async def test_an_address_that_is_no_longer_allowed_gets_no_connection(
    cast: Cast, receiver: Receiver, settings: LazySettings
) -> None:
    await in_db(cast.destination, receiver.url)
    await in_db(Destination.objects.update, url=receiver.url.replace("127.0.0.1", "localhost"))
    settings.DESTINATION_ALLOWED_NETWORKS = ()
    running = Engine()
    running.start()
    await post(cast.token, "e1", b"{}")
    await until(lambda: logged(1))
    await running.stop()
    assert (await in_db(Log.objects.get)).error == "dns_failed"
    assert receiver.got == []


async def test_a_replay_reaches_the_receiver_with_the_same_bytes_and_webhook_id(
    cast: Cast, receiver: Receiver, engine: Engine
) -> None:
    await in_db(cast.destination, receiver.url, retry_schedule=[3600])
    receiver.answer = lambda _: Reply(500 if len(receiver.got) == 1 else 200)
    await post(cast.token, "e1", b'{"total": 1.10}')
    engine.wake()
    await until(lambda: Log.objects.count() == 1)
    await in_db(lambda: replay(event=Event.objects.get(), by=cast.admin))
    engine.wake()
    await until(lambda: Log.objects.count() == 2)
    assert [request.body for request in receiver.got] == [b'{"total": 1.10}'] * 2
    assert len(set(receiver.ids())) == 1
    states = await in_db(lambda: list(Delivery.objects.order_by("id").values_list("status", "reason")))
    assert states == [("cancelled", "replayed"), ("success", "")]
