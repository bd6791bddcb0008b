"""What a destination gets, and that anybody can verify it."""

import json
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qsl, urlsplit
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from standardwebhooks import Webhook, WebhookVerificationError

from apps.common.version import __version__
from apps.deliveries.compose import compose
from apps.deliveries.network import Guard
from apps.deliveries.request import Claim, Error, OutboundRequest, Target
from apps.deliveries.sender import Sender
from apps.deliveries.signing import sign, webhook_id
from tests.fakes.receiver import Receiver
from tests.unit.test_network import LOOPBACK

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwMfKQ9r8GKYo="
EVENT, DESTINATION = UUID(int=1), UUID(int=2)
URL = "http://example.com/hook"
BODIES = ["POST", "PUT", "PATCH"]


def claim(
    body: bytes = b"{}",
    method: str = "POST",
    url: str = URL,
    headers: dict[str, str] | None = None,
    traceparent: str = "",
    attempts: int = 0,
) -> Claim:
    target = Target(DESTINATION, url, method, headers or {"X-Key": "k"}, (SECRET,), 15, (5,))
    now = datetime.now(UTC)
    ids = (UUID(int=3), UUID(int=4), UUID(int=5))
    return Claim(*ids, EVENT, "order-1", now, body, traceparent, attempts, target, now, 0.0, 45)


def composed(claimed: Claim) -> OutboundRequest:
    request = compose(claimed, datetime.now(UTC))
    assert request is not None
    return request


def query(body: bytes, url: str = URL) -> str:
    """What follows the question mark of a GET."""
    return composed(claim(body, "GET", url)).url.partition("?")[2]


def names(request: OutboundRequest) -> list[str]:
    return [name for name, _ in request.headers]


@pytest.mark.parametrize("method", BODIES)
@pytest.mark.parametrize("body", [b'{"total": 1.10}', b" [1 ,\n2]\r\n", b'{"a":"\\u00e4","b":"\xc3\xa4","c":1e999}'])
def test_the_received_bytes_go_out_unchanged(method: str, body: bytes) -> None:
    request = composed(claim(body, method))
    assert (request.method, request.url, request.body) == (method, URL, body)
    Webhook(SECRET).verify(body, dict(request.headers))


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b"{}", ""),
        (b'{"a":"b","c":"d"}', "a=b&c=d"),
        (b'{"z":"1","a":"2"}', "z=1&a=2"),
        (b'{"a":"x y&z=+%/?#"}', "a=x%20y%26z%3D%2B%25%2F%3F%23"),
        (b'{"a b&":"1"}', "a%20b%26=1"),
        ('{"ä":"😀"}'.encode(), "%C3%A4=%F0%9F%98%80"),
        (b'{"a":1.10,"b":-0,"c":1e999,"d":12345678901234567890}', "a=1.10&b=-0&c=1e999&d=12345678901234567890"),
        (b'{"a":null,"b":true,"c":false}', "a=null&b=true&c=false"),
        (b'{"a": [1.0, "b"], "c": {"d" : 2.50}}', "a=%5B1.0%2C%22b%22%5D&c=%7B%22d%22%3A2.50%7D"),
        (b'{"a":"1.10","b":"null"}', "a=1.10&b=null"),
        (b'{"":"x","a":""}', "=x&a="),
        (b"[]", "data=%5B%5D"),
        (b'[1.10, {"a": "b"}]', "data=%5B1.10%2C%7B%22a%22%3A%22b%22%7D%5D"),
        (b'{"data":[1]}', "data=%5B1%5D"),
    ],
)
def test_a_get_has_one_parameter_for_each_top_level_key(body: bytes, expected: str) -> None:
    assert query(body) == expected


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("http://h", "http://h?a=1&b=2"),
        ("http://h/", "http://h/?a=1&b=2"),
        ("http://h/p?", "http://h/p?a=1&b=2"),
        ("http://h/p?x=%20+y", "http://h/p?x=%20+y&a=1&b=2"),
        ("http://h/p?x=1&", "http://h/p?x=1&a=1&b=2"),
        ("http://h/p?a=9", "http://h/p?a=9&b=2"),
        ("http://h/p?a", "http://h/p?a&b=2"),
        ("http://h/p?%61=", "http://h/p?%61=&b=2"),
        ("http://h/p?b=x&a=y", "http://h/p?b=x&a=y"),
        ("http://h/p?A=9", "http://h/p?A=9&a=1&b=2"),
        ("http://h/p?x=a?b", "http://h/p?x=a?b&a=1&b=2"),
    ],
)
def test_parameters_of_the_url_stay_and_a_key_that_it_has_is_left_out(url: str, expected: str) -> None:
    assert composed(claim(b'{"a":1,"b":2}', "GET", url)).url == expected


def test_an_array_is_left_out_when_the_url_has_data() -> None:
    assert query(b"[1]", f"{URL}?data=mine") == "data=mine"


@given(value=st.dictionaries(st.text(), st.text(), max_size=8))
@settings(max_examples=200, derandomize=True, deadline=None)
def test_a_receiver_reads_the_strings_that_were_sent(value: dict[str, str]) -> None:
    read = parse_qsl(query(json.dumps(value).encode()), keep_blank_values=True)
    assert dict(read) == value


@pytest.mark.parametrize(("length", "sent"), [(8192, True), (8193, False)])
def test_a_get_is_sent_up_to_8_kib_of_url(length: int, sent: bool) -> None:
    body = json.dumps({"a": "x" * (length - len(f"{URL}?a="))}).encode()
    request = compose(claim(body, "GET"), datetime.now(UTC))
    assert (request is not None) is sent
    assert request is None or len(request.url) == length


@pytest.mark.parametrize("headers", [{"X-Key": "k"}, {"X-Key": "k", "Content-Type": "text/plain"}, {"content-TYPE": "x"}])
def test_a_get_has_neither_body_nor_content_type(headers: dict[str, str]) -> None:
    request = composed(claim(b'{"a":1}', "GET", headers=headers))
    assert request.body is None
    assert "content-type" not in map(str.lower, names(request))


@pytest.mark.parametrize("url", ["", "/hook?x=%7e+y", "/a/../b?"])
@pytest.mark.parametrize("body", [b"{}", b'{"a":"x y","b":[1.10]}', '{"ä":"/?&#"}'.encode()])
async def test_a_get_is_signed_over_the_query_string_as_it_arrives(receiver: Receiver, url: str, body: bytes) -> None:
    request = composed(claim(body, "GET", receiver.url.removesuffix("/hook") + url))
    async with Sender(Guard(LOOPBACK)) as sender:
        assert (await sender.send(request)).error is Error.NONE
    (got,) = receiver.got
    # The verifier of the library reads its payload as JSON after the signature was found right; a query is none.
    moment = datetime.fromtimestamp(int(got.header("webhook-timestamp")), UTC)
    expected = Webhook(SECRET).sign(got.header("webhook-id"), moment, urlsplit(got.target).query)
    assert got.header("webhook-signature") == expected
    assert got.body == b""


def test_own_headers_come_first_as_written_and_then_ours() -> None:
    own = {"X-B": "2", "x-a": "1", "Authorization": "Bearer abc"}
    request = composed(claim(headers=own, traceparent="00-" + "1" * 32 + "-" + "2" * 16 + "-01"))
    ours = ["webhook-id", "webhook-timestamp", "webhook-signature", "User-Agent", "Content-Type", "traceparent"]
    assert names(request) == [*own, *ours]
    sent = dict(request.headers)
    assert {name: sent[name] for name in own} == own
    assert (sent["User-Agent"], sent["Content-Type"]) == (f"DataPusher/{__version__}", "application/json")
    assert sent["traceparent"] == "00-" + "1" * 32 + "-" + "2" * 16 + "-01"


def test_a_destination_may_set_its_own_user_agent_and_content_type() -> None:
    own = {"user-agent": "me/1", "CONTENT-TYPE": "application/cloudevents+json"}
    request = composed(claim(headers=own))
    assert names(request) == [*own, "webhook-id", "webhook-timestamp", "webhook-signature"]


def test_no_traceparent_is_made_up() -> None:
    assert "traceparent" not in names(composed(claim()))


def test_the_webhook_id_is_that_of_event_and_destination_on_every_try_and_every_replay() -> None:
    claims = [claim(attempts=attempts, method=method) for attempts in (0, 5) for method in ("POST", "GET")]
    tries = [dict(composed(each).headers) for each in claims]
    assert {sent["webhook-id"] for sent in tries} == {webhook_id(EVENT, DESTINATION)}
    others = {webhook_id(EVENT, UUID(int=9)), webhook_id(UUID(int=9), DESTINATION), webhook_id(DESTINATION, EVENT)}
    assert len(others | {webhook_id(EVENT, DESTINATION)}) == 4
    assert "." not in webhook_id(EVENT, DESTINATION)  # it parts the fields of what is signed


@given(content=st.text().map(str.encode))
@settings(max_examples=100, derandomize=True, deadline=None)
def test_any_content_is_signed_so_that_the_verifier_takes_it_and_nothing_else(content: bytes) -> None:
    body = json.dumps([content.decode()]).encode()
    headers = dict(sign((SECRET,), "msg_1", datetime.now(UTC), body))
    Webhook(SECRET).verify(body, headers)
    for forged in (body + b" ", body[:-1]):
        with pytest.raises(WebhookVerificationError):
            Webhook(SECRET).verify(forged, headers)


@pytest.mark.parametrize("age", [timedelta(minutes=-6), timedelta(minutes=6)])
def test_the_timestamp_is_the_moment_that_was_given(age: timedelta) -> None:
    moment = datetime.now(UTC) + age
    headers = dict(sign((SECRET,), "msg_1", moment, b"{}"))
    assert headers["webhook-timestamp"] == str(int(moment.timestamp()))
    with pytest.raises(WebhookVerificationError):
        Webhook(SECRET).verify(b"{}", headers)
