"""What the document promises, tried by schemathesis: every operation, all phases, signed in and not."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, make_server

import pytest
from django.conf import LazySettings
from django.core import signals
from django.core.wsgi import get_wsgi_application
from django.db import close_old_connections, connections
from django.utils import timezone

from apps.common.ids import uuid7
from apps.deliveries.claims import claim_due
from apps.deliveries.exports import start_export
from apps.deliveries.replays import Wanted, start
from apps.deliveries.request import Error, Outcome, Result
from apps.deliveries.services import record
from apps.ingest.batch import store
from apps.logs.models import Log
from tests.cast import Cast
from tests.events import make_post
from tests.promises import broken
from tests.rest import Rest

pytestmark = [pytest.mark.postgres, pytest.mark.timeout(900)]

# These end what the others stand on (the sign-in, the account, its token, the destination): each is tried by itself.
ENDS = (
    *("auth_logout", "auth_me_update", "auth_me_delete", "accounts_delete", "accounts_token_rotate", "destinations_delete"),
    *("members_update", "members_replace", "members_delete"),
)


class _Quiet(WSGIRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  (the library's name)
        pass


@pytest.fixture
def url(cast: Cast, settings: LazySettings) -> Iterator[str]:
    """A server on a real socket, in one thread that keeps its connection: one for each request costs more than the request."""
    settings.INGEST_RATE = settings.MAX_ACCOUNTS_PER_USER = 1_000_000
    for signal in (signals.request_started, signals.request_finished):
        signal.disconnect(close_old_connections)
    with make_server("127.0.0.1", 0, get_wsgi_application(), handler_class=_Quiet) as server, ThreadPoolExecutor(1) as thread:
        thread.submit(server.serve_forever, 0.05)
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.submit(connections.close_all)
    for signal in (signals.request_started, signals.request_finished):
        signal.connect(close_old_connections)


@pytest.fixture
def places(cast: Cast) -> dict[str, str]:
    """One of each kind."""
    destination = cast.destination("http://127.0.0.1:2/hook")
    store([make_post(cast.token, cast.account, "e1", b'{"total": 1.10}')])
    (claim,) = claim_due(1)
    record([Result(uuid7(), claim, Outcome(Error.HTTP_STATUS, response_status=500, latency_ms=3), timezone.now())])
    return {
        "account_id": str(cast.account.pk),
        "destination_id": str(destination.pk),
        "member_id": str(cast.normal_user.pk),
        "event_id": str(claim.event),
        "delivery_id": str(claim.delivery_id),
        "log_id": str(Log.objects.get().pk),
        "export_id": str(start_export(by=cast.admin).pk),
        "replay_id": str(start(by=cast.admin, wanted=Wanted(status="failed")).pk),
    }


@pytest.fixture
def admin(cast: Cast) -> dict[str, str]:
    pair = Rest(cast.alice).pair
    assert pair is not None
    return {"Authorization": f"Bearer {pair.access}", "CL-X-TOKEN": cast.token}


def test_an_admin_finds_every_promise_kept(url: str, admin: dict[str, str], places: dict[str, str]) -> None:
    found = broken(url, admin, places, without=ENDS)
    assert not found, "\n\n".join(found)


@pytest.mark.parametrize("operation", ENDS)
def test_what_ends_something_keeps_its_promises(
    url: str, admin: dict[str, str], places: dict[str, str], operation: str
) -> None:
    found = broken(url, admin, places, only=operation)
    assert not found, "\n\n".join(found)


def test_who_is_not_signed_in_finds_every_promise_kept(url: str, places: dict[str, str]) -> None:
    found = broken(url, {}, places)
    assert not found, "\n\n".join(found)
