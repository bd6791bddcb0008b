"""One JSON line a request, and the request id that ties it to the answer."""

import json
import logging
from typing import Any

import pytest
from structlog.stdlib import ProcessorFormatter

from apps.common.ids import uuid7
from apps.events.models import Event
from consumers.access import AccessLog
from consumers.asgi import Receive, Scope, Send
from consumers.routing import application
from tests.cast import Cast
from tests.fakes.asgi import call
from tests.posting import in_db

FIELDS = {"request_id", "method", "path", "status", "ms", "account"}
STAMPS = {"event", "level", "logger", "timestamp", "message"}  # the last one is left on the record by pytest's handler


@pytest.fixture(autouse=True)
def info(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "datapusher.access")


def lines(caplog: pytest.LogCaptureFixture) -> list[dict[str, Any]]:
    """The access log as the product's own handler writes it."""
    formatters = [handler.formatter for handler in logging.getLogger().handlers]
    (formatter,) = [each for each in formatters if isinstance(each, ProcessorFormatter)]
    records = [record for record in caplog.records if record.name == "datapusher.access"]
    return [json.loads(formatter.format(record)) for record in records]


async def test_a_request_is_one_line_without_its_query(caplog: pytest.LogCaptureFixture) -> None:
    answer = await call(application, "GET", "/?token=secret", [("Cookie", "a=secret"), ("Authorization", "secret")])
    (line,) = lines(caplog)
    assert line.keys() - STAMPS == FIELDS
    assert (line["method"], line["path"], line["status"], line["account"]) == ("GET", "/", 200, "")
    assert line["request_id"] == answer.headers["x-request-id"]
    assert "secret" not in json.dumps(line)


async def test_a_senders_line_names_the_account_and_no_secret(cast: Cast, caplog: pytest.LogCaptureFixture) -> None:
    headers = [("CL-X-TOKEN", cast.token), ("CL-X-EVENT-ID", "order-1"), ("Content-Type", "application/json")]
    await call(application, "POST", "/server/incoming_data", headers, b'{"card": "4111"}')
    (line,) = lines(caplog)
    assert (line["path"], line["status"], line["account"]) == ("/server/incoming_data", 202, str(cast.account.pk))
    assert line["event_id"] == str((await in_db(Event.objects.get)).pk)
    assert not [secret for secret in (cast.token, "order-1", "4111") if secret in json.dumps(line)]


async def test_a_post_that_is_not_stored_anew_names_no_event(cast: Cast, caplog: pytest.LogCaptureFixture) -> None:
    headers = [("CL-X-TOKEN", cast.token), ("CL-X-EVENT-ID", "order-1"), ("Content-Type", "application/json")]
    for body in (b"{}", b"{}", b"[]"):
        await call(application, "POST", "/server/incoming_data", headers, body)
    assert [(line["status"], "event_id" in line) for line in lines(caplog)] == [(202, True), (200, False), (409, False)]


async def test_the_line_of_a_page_names_the_account_of_its_path(caplog: pytest.LogCaptureFixture) -> None:
    account_id = uuid7()
    await call(application, "GET", f"/accounts/{account_id}/destinations/new/")
    (line,) = lines(caplog)
    assert (line["status"], line["account"]) == (302, str(account_id))


@pytest.mark.parametrize("sent", ["x", "req-1.a_B", "a" * 128])
async def test_a_well_formed_request_id_is_echoed(caplog: pytest.LogCaptureFixture, sent: str) -> None:
    answer = await call(application, "GET", "/", [("X-Request-ID", sent)])
    assert answer.headers["x-request-id"] == sent
    assert [line["request_id"] for line in lines(caplog)] == [sent]


@pytest.mark.parametrize("sent", ["", " ", "a b", "a" * 129, "é", 'x","status":"200', "a\tb"])
async def test_a_malformed_request_id_is_replaced(caplog: pytest.LogCaptureFixture, sent: str) -> None:
    answer = await call(application, "GET", "/", [("X-Request-ID", sent)])
    assert len(answer.headers["x-request-id"]) == 36
    assert [line["request_id"] for line in lines(caplog)] == [answer.headers["x-request-id"]]


async def test_two_requests_get_two_ids() -> None:
    first, second = await call(application, "GET", "/"), await call(application, "GET", "/")
    assert first.headers["x-request-id"] != second.headers["x-request-id"]


async def test_the_application_sees_one_request_id_the_one_of_the_answer() -> None:
    seen: list[bytes] = []

    async def nosy(scope: Scope, receive: Receive, send: Send) -> None:
        seen.extend(value for name, value in scope["headers"] if name == b"x-request-id")
        await send({"type": "http.response.start", "status": 204, "headers": [(b"X-Request-Id", b"its-own")]})
        await send({"type": "http.response.body"})

    answer = await call(AccessLog(nosy), "GET", "/", [("X-Request-ID", "a b"), ("X-Request-ID", "c d")])
    assert seen == [answer.headers["x-request-id"].encode()]


async def test_a_request_that_fails_is_a_line_with_500(caplog: pytest.LogCaptureFixture) -> None:
    async def broken(scope: Scope, receive: Receive, send: Send) -> None:
        raise RuntimeError("broken")

    with pytest.raises(RuntimeError, match="broken"):
        await call(AccessLog(broken), "GET", "/")
    assert [line["status"] for line in lines(caplog)] == [500]
