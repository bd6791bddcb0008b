"""`search=` on the live socket finds what REST finds, at once."""

from urllib.parse import quote

import pytest
from django.test import Client

from apps.destinations.models import Destination
from apps.events.models import Event, Unindexed
from apps.events.services import index_waiting
from apps.logs.broadcast import publish
from apps.logs.models import Log
from tests.browsing import sign_in
from tests.cast import Cast
from tests.consumers.sockets import Browser
from tests.consumers.writing import write_logs
from tests.posting import in_db

LARGE = b'{"pad": "' + b"x " * 3000 + b'", "word": "needle"}'
BEYOND = b'{"pad": "' + b"x " * 33_000 + b'", "word": "needle"}'

# text -> whether it finds an event with the id `order-1042`, this body and the error `timeout`
BODY = b'{"customer": "Zo\\u00eb M\xc3\xbcller", "total": 1.10, "note": "line\\nbreak", "tags": ["a_b"]}'
TEXTS = {
    "1042": True,
    "ord": True,
    "order-1042": True,
    "rder": False,
    "ZOË": True,
    "müll": True,
    "zoë timeout": False,
    "1.10": True,
    "1.1": True,
    "10": True,
    "break": True,
    "customer": True,
    "timeout": True,
    "time": True,
    "imeout": False,
    "b": True,
    "zoë nobody": False,
    "!?": False,
    "_": False,
}


def one_try(destination: Destination, body: bytes = BODY) -> Event:
    [entry] = write_logs(destination, status="failed", body=body)
    Log.objects.filter(cursor=entry.cursor).update(error="timeout")
    event = Event.objects.get(pk=entry.fields()["event"])
    Event.objects.filter(pk=event.pk).update(event_id="order-1042")
    return event


def in_rest(cast: Cast, text: str) -> bool:
    client: Client = sign_in(cast.alice)
    answer = client.get(f"/api/v1/accounts/{cast.account.pk}/logs/", {"search": text})
    assert answer.status_code == 200
    return bool(answer.json()["results"])


def one_try_indexed(destination: Destination) -> None:
    event = one_try(destination)
    Unindexed.objects.get_or_create(event=event)
    assert index_waiting() >= 1


@pytest.mark.parametrize("text", TEXTS)
async def test_the_socket_finds_what_rest_finds(cast: Cast, browser: Browser, destination: Destination, text: str) -> None:
    await in_db(one_try, destination)
    socket = await browser.watch(query=f"after=0&search={quote(text)}")
    assert bool(await socket.cursors(up_to=1)) is TEXTS[text]


@pytest.mark.parametrize("text", ["ord", "ZOË", "1.10", "timeout", "!?", "zoë nobody", "rder"])
async def test_rest_says_the_same(cast: Cast, destination: Destination, text: str) -> None:
    await in_db(one_try_indexed, destination)
    assert await in_db(in_rest, cast, text) is TEXTS[text]


@pytest.mark.usefixtures("no_looks")
@pytest.mark.parametrize(("body", "found"), [(LARGE, True), (BEYOND, False), (b'{"word": "needles"}', True), (b"[]", False)])
async def test_a_broadcast_is_searched_up_to_64_kib(
    cast: Cast, browser: Browser, destination: Destination, body: bytes, found: bool
) -> None:
    socket = await browser.watch(query="search=needle")
    entries = await in_db(write_logs, destination, body=body)
    await publish({cast.account.pk: entries})
    assert bool(await socket.cursors(up_to=1)) is found


async def test_a_search_adds_up_with_the_other_filters(cast: Cast, browser: Browser, destination: Destination) -> None:
    for status, body in (("failed", b'{"a": "needle"}'), ("success", b'{"a": "needle"}'), ("failed", b"[]")):
        await in_db(write_logs, destination, status=status, body=body)
    socket = await browser.watch(query="after=0&search=needle&status=failed")
    assert await socket.cursors(up_to=3) == [1]


async def test_an_empty_search_is_none(browser: Browser, destination: Destination) -> None:
    await in_db(write_logs, destination)
    assert await (await browser.watch(query="after=0&search=+")).cursors(up_to=1) == [1]
