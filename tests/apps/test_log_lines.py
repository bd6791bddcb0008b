"""Lines that say what went wrong say of which request, event and delivery."""

import json
import logging
from typing import Any

import pytest
from django.db import OperationalError
from structlog.stdlib import ProcessorFormatter

from apps.common import context
from apps.deliveries import engine as engines
from apps.deliveries.engine import Engine
from apps.deliveries.models import Delivery
from apps.ingest import batch
from tests.cast import Cast
from tests.posting import in_db, post, until


def lines(caplog: pytest.LogCaptureFixture, beginning: str) -> list[dict[str, Any]]:
    """As the product's own handler writes them."""
    formatters = [handler.formatter for handler in logging.getLogger().handlers]
    (formatter,) = [each for each in formatters if isinstance(each, ProcessorFormatter)]
    records = [record for record in caplog.records if record.getMessage().startswith(beginning)]
    return [json.loads(formatter.format(record)) for record in records]


@pytest.mark.parametrize("error", [OperationalError, ZeroDivisionError, ValueError])
async def test_a_post_that_is_not_stored_names_request_account_and_event(
    cast: Cast, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, error: type[Exception]
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(batch, "store", broken)
    await post(cast.token, "an@e-mail.example", b"{}", x_request_id="request-1")
    (line,) = lines(caplog, "post not stored")
    assert (line["request_id"], line["account"], len(line["event_id"])) == ("request-1", str(cast.account.pk), 36)
    assert "e-mail" not in json.dumps(line)


async def test_one_that_never_was_a_post_names_its_request_only(
    store: None, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(_: object) -> None:
        raise OperationalError

    monkeypatch.setattr("apps.ingest.tokens.token_owners", broken)
    await post("token", "e1", b"{}", x_request_id="request-1")
    (line,) = lines(caplog, "post not stored")
    assert line["request_id"] == "request-1"
    assert not line.keys() & {"account", "event_id"}


async def test_a_try_that_fails_on_our_side_names_delivery_and_event(
    cast: Cast, engine: Engine, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(engines, "compose", broken)
    await in_db(cast.destination, "https://example.com/hook")
    await post(cast.token, "e1", b"{}")
    engine.wake()
    await until(lambda: lines(caplog, "delivery "))
    delivery = await in_db(Delivery.objects.get)
    (line, *_) = lines(caplog, "delivery ")
    assert (line["delivery_id"], line["event_id"]) == (str(delivery.pk), str(delivery.event_id))


def test_what_is_written_while_a_request_is_answered_has_its_id(caplog: pytest.LogCaptureFixture) -> None:
    token = context.request_id.set("request-1")
    logging.getLogger("apps.x").warning("something")
    try:
        assert [line["request_id"] for line in lines(caplog, "something")] == ["request-1"]
    finally:
        context.request_id.reset(token)
