"""A test of a destination: signed like a delivery, to the stored URL only, and nothing is left of it."""

import asyncio
import socket
from typing import Any

import pytest
from django.conf import LazySettings
from django.core.handlers.asgi import ASGIHandler
from django.db import connection
from standardwebhooks import Webhook

from apps.deliveries import probe
from apps.destinations.models import Destination
from tests.browsing import everything
from tests.cast import Cast
from tests.fakes.asgi import call
from tests.fakes.receiver import Received, Receiver, Reply
from tests.posting import in_db
from tests.rest import Answer, Rest


def send(cast: Cast, destination: Destination, body: Any = None) -> Answer:
    return Rest(cast.alice).post(f"destinations/{destination.pk}/test/", body)


def test_it_is_signed_and_says_what_was_sent_and_what_came_back(cast: Cast, receiver: Receiver) -> None:
    destination = cast.destination(receiver.url, headers={"X-Key": "a-secret-value"})
    answer = send(cast, destination, {"data": {"hello": "wörld"}})
    (got,) = receiver.got
    Webhook(destination.signing_secret).verify(got.body, dict(got.headers))
    data = answer.body["data"]
    assert (answer.status, answer.headers["cache-control"]) == (200, "no-store")
    assert (got.body.decode(), data["sent"]["body"]) == ('{"hello":"wörld"}', '{"hello":"wörld"}')
    assert (data["sent"]["method"], data["sent"]["url"], data["address"]) == ("POST", receiver.url, "127.0.0.1")
    assert (data["response_status"], data["error"], data["response_body"]) == (200, "", "ok")
    assert (data["latency_ms"] >= 0, data["timings"]["connect_ms"] >= 0, data["timings"]["tls_ms"]) == (True, True, None)
    assert got.header("X-Key") == "a-secret-value"
    assert data["sent"]["headers"]["X-Key"] == "********"


def test_nothing_is_left_of_it_whatever_was_answered(cast: Cast, receiver: Receiver) -> None:
    destination = cast.destination(receiver.url)
    receiver.answer = lambda _: Reply(410)
    alice = Rest(cast.alice)
    before = everything()
    answer = alice.post(f"destinations/{destination.pk}/test/")
    assert (answer.body["data"]["response_status"], answer.body["data"]["error"]) == (410, "http_status")
    assert everything() == before


def test_each_has_a_webhook_id_of_its_own(cast: Cast, receiver: Receiver) -> None:
    destination = cast.destination(receiver.url)
    for _ in range(3):
        send(cast, destination)
    assert len(set(receiver.ids())) == 3
    assert all(each.startswith("test_") for each in receiver.ids())


def test_an_echo_of_the_secret_is_masked(cast: Cast, receiver: Receiver) -> None:
    def echo(request: Received) -> Reply:
        return Reply(200, {"X-Echo": request.header("X-Key")}, f"you sent {request.header('X-Key')}".encode())

    receiver.answer = echo
    answer = send(cast, cast.destination(receiver.url))
    assert "a-secret-value" not in str(answer.body)
    assert answer.body["data"]["response_headers"]["X-Echo"] == "********"


def test_get_carries_it_in_the_query(cast: Cast, receiver: Receiver) -> None:
    data = send(cast, cast.destination(receiver.url, http_method="GET"), {"data": {"a": [1, "x"]}}).body["data"]
    assert (receiver.got[0].target, data["sent"]["body"]) == ("/hook?a=%5B1%2C%22x%22%5D", None)


def test_a_get_that_would_be_too_long_is_not_sent(cast: Cast, receiver: Receiver) -> None:
    data = send(cast, cast.destination(receiver.url, http_method="GET"), {"data": {"a": "x" * 9000}}).body["data"]
    assert (data["error"], data["sent"], data["address"], receiver.got) == ("url_too_long", None, "", [])


DEEP: Any = []
for _ in range(64):
    DEEP = [DEEP]


@pytest.mark.parametrize(
    "body",
    [
        {"data": 1}, {"data": None}, {"data": "x"}, {"data": DEEP}, {"data": ["x" * 65_536]},
        b'{"data": ["\\ud800"]}', b'{"data": [1e999]}',
    ],
    ids=["number", "null", "text", "deep", "large", "surrogate", "infinite"],
)  # fmt: skip
def test_data_that_no_sender_could_send_is_refused(cast: Cast, receiver: Receiver, body: Any) -> None:
    answer = send(cast, cast.destination(receiver.url), body)
    assert (answer.status, list(answer.body["details"]), receiver.got) == (400, ["data"], [])


def test_data_too_deep_to_be_read_is_refused(cast: Cast, receiver: Receiver) -> None:
    answer = send(cast, cast.destination(receiver.url), b'{"data": ' + b"[" * 100_000 + b"]" * 100_000 + b"}")
    assert (answer.status, list(answer.body["details"]), receiver.got) == (400, ["body"], [])


@pytest.mark.parametrize("field", ["url", "headers", "http_method", "colour"])
def test_it_never_goes_anywhere_else(cast: Cast, receiver: Receiver, field: str) -> None:
    answer = send(cast, cast.destination("https://example.com/"), {field: receiver.url})
    assert (answer.status, list(answer.body["details"]), receiver.got) == (400, [field], [])


def test_a_name_that_leads_to_a_forbidden_address_answers_like_one_that_leads_nowhere(
    cast: Cast, receiver: Receiver, settings: LazySettings
) -> None:
    answers = []
    settings.DESTINATION_ALLOWED_NETWORKS = ()
    for host in ("localhost", "nowhere.invalid"):
        destination = cast.destination("https://example.com/")
        Destination.objects.filter(pk=destination.pk).update(url=receiver.url.replace("127.0.0.1", host))
        data = send(cast, destination).body["data"]
        known = {name for name, value in data.pop("timings").items() if value is not None}
        answers.append({name: data[name] for name in data if name not in {"sent", "latency_ms"}} | {"known": known})
    assert answers[0] == answers[1]
    assert (answers[0]["error"], answers[0]["address"], receiver.got) == ("dns_failed", "", [])


def test_our_own_port_is_closed(cast: Cast, settings: LazySettings) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        settings.PORT = listener.getsockname()[1]
        listener.settimeout(0.2)
        data = send(cast, cast.destination(f"http://127.0.0.1:{settings.PORT}/")).body["data"]
        assert (data["error"], data["address"]) == ("address_forbidden", "")
        with pytest.raises(TimeoutError):
            listener.accept()


def test_ten_a_minute_for_an_account(cast: Cast, receiver: Receiver) -> None:
    one, other = cast.destination(receiver.url), cast.destination(receiver.url)
    assert [send(cast, each).status for each in [one, other] * 5] == [200] * 10
    answer = send(cast, one)
    assert (answer.status, len(receiver.got)) == (429, 10)
    assert 1 <= int(answer.headers["retry-after"]) <= 60


def test_while_a_receiver_is_slow_no_connection_to_the_database_is_held(cast: Cast, receiver: Receiver) -> None:
    destination, by = cast.destination(receiver.url), cast.admin
    assert connection.connection is not None
    probe.send_test(destination=destination, by=by)
    assert connection.connection is None  # and nothing after the sending has opened one


async def test_under_asgi_too(cast: Cast, receiver: Receiver) -> None:
    destination = await in_db(cast.destination, receiver.url)
    pair = (await in_db(Rest, cast.alice)).pair
    assert pair is not None
    headers = [("Authorization", f"Bearer {pair.access}"), ("Content-Type", "application/json")]
    path = f"/api/v1/destinations/{destination.pk}/test/"
    answers = await asyncio.gather(*(call(ASGIHandler(), "POST", path, headers, b"{}") for _ in range(5)))
    assert [answer.status for answer in answers] == [200] * 5
    assert len(set(receiver.ids())) == 5
