"""/server/incoming_data: one table, both ways in. Status, headers and body are equal."""

import asyncio
import json
import time
from collections.abc import Awaitable, Callable, Sequence

import pytest
from django.core.handlers.asgi import ASGIHandler
from django.test import AsyncClient, Client

from apps.accounts.services import delete_account
from apps.deliveries.models import Delivery
from apps.events.models import Event
from consumers.ingest import ingest
from tests.cast import Cast
from tests.fakes.asgi import Response, call
from tests.posting import in_db

PATH = "/server/incoming_data"
ID = "req-1.a_B"
Body = bytes | Sequence[bytes]
Way = Callable[[str, str, dict[str, str], Body], Awaitable[Response]]


async def fast_lane(method: str, path: str, headers: dict[str, str], body: Body) -> Response:
    return await call(ingest, method, path, list(headers.items()), body)


async def django_over_asgi(method: str, path: str, headers: dict[str, str], body: Body) -> Response:
    return await call(ASGIHandler(), method, path, list(headers.items()), body)


async def django_test_client(method: str, path: str, headers: dict[str, str], body: Body) -> Response:
    whole = body if isinstance(body, bytes) else b"".join(body)
    content_type = headers.get("Content-Type", "")
    rest = {name: value for name, value in headers.items() if name != "Content-Type"}
    answer = await AsyncClient().generic(method, path, whole, content_type, headers=rest)
    return Response(answer.status_code, {name.lower(): value for name, value in answer.items()}, answer.content)


WAYS = [fast_lane, django_over_asgi, django_test_client]

RECEIVED = {"success": True, "message": "Data Received"}
INVALID = {"success": False, "message": "Invalid Data"}
STRANGER = {"success": False, "message": "Unauthenticated"}
CONFLICT = {"success": False, "message": "Conflict"}

# what changes in a valid post of {"n": 1} under the id e1 -> status, body
TABLE = [
    ("valid", {}, b'{"n": 1}', 202, RECEIVED),
    ("an array", {}, b"[]", 202, RECEIVED),
    ("+json and a charset", {"Content-Type": 'application/cloudevents+json; charset="UTF-8"'}, b"{}", 202, RECEIVED),
    ("in chunks, without a length", {}, [b'{"n"', b": 1}"], 202, RECEIVED),
    ("the same again", {"CL-X-EVENT-ID": "known"}, b'{"known": 1}', 200, RECEIVED),
    ("the same id, other bytes", {"CL-X-EVENT-ID": "known"}, b'{"known": 2}', 409, CONFLICT),
    ("the same id, another space", {"CL-X-EVENT-ID": "known"}, b'{"known":1}', 409, CONFLICT),
    ("not JSON", {}, b"{", 400, INVALID),
    ("a scalar", {}, b"1", 400, INVALID),
    ("an empty body", {}, b"", 400, INVALID),
    ("NaN", {}, b'{"n": NaN}', 400, INVALID),
    ("a duplicate key", {}, b'{"n": 1, "n": 2}', 400, INVALID),
    ("a lone surrogate", {}, b'{"n": "\\ud800"}', 400, INVALID),
    ("65 deep", {}, b"[" * 65 + b"]" * 65, 400, INVALID),
    ("64 deep", {}, b"[" * 64 + b"]" * 64, 202, RECEIVED),
    ("a BOM", {}, b"\xef\xbb\xbf{}", 400, INVALID),
    ("not UTF-8", {}, b'{"n": "\xff"}', 400, INVALID),
    ("another type", {"Content-Type": "text/plain"}, b"{}", 400, INVALID),
    ("no type", {"Content-Type": ""}, b"{}", 400, INVALID),
    ("another charset", {"Content-Type": "application/json; charset=latin-1"}, b"{}", 400, INVALID),
    ("an encoding", {"Content-Encoding": "gzip"}, b"{}", 400, INVALID),
    ("no event id", {"CL-X-EVENT-ID": ""}, b"{}", 400, INVALID),
    ("a space in the event id", {"CL-X-EVENT-ID": "a b"}, b"{}", 400, INVALID),
    ("an event id of 255", {"CL-X-EVENT-ID": "x" * 255}, b"{}", 202, RECEIVED),
    ("an event id of 256", {"CL-X-EVENT-ID": "x" * 256}, b"{}", 400, INVALID),
    ("an event id beyond ASCII", {"CL-X-EVENT-ID": "caf\xe9"}, b"{}", 400, INVALID),
    ("no token", {"CL-X-TOKEN": ""}, b"{}", 401, STRANGER),
    ("an unknown token", {"CL-X-TOKEN": "dp_nobody"}, b"{}", 401, STRANGER),
    ("a token beyond ASCII", {"CL-X-TOKEN": "\xff"}, b"{}", 401, STRANGER),
    ("1 MiB", {}, b'["' + b"x" * (1_048_576 - 4) + b'"]', 202, RECEIVED),
    ("over 1 MiB", {}, b'["' + b"x" * (1_048_576 - 3) + b'"]', 413, INVALID),
    ("over 1 MiB, in chunks", {}, [b'["', b"x" * 1_048_576, b'"]'], 413, INVALID),
    ("a bad id before a large body", {"CL-X-EVENT-ID": ""}, b"x" * 1_048_577, 400, INVALID),
    ("an unknown token before a bad id", {"CL-X-TOKEN": "x", "CL-X-EVENT-ID": ""}, b"", 401, STRANGER),
]  # fmt: skip


@pytest.fixture
def headers(cast: Cast) -> dict[str, str]:
    return {"CL-X-TOKEN": cast.token, "CL-X-EVENT-ID": "e1", "Content-Type": "application/json", "X-Request-ID": ID}


def expected(status: int, body: dict[str, object], **more: str) -> Response:
    raw = json.dumps(body, separators=(",", ":")).encode()
    fixed = {"content-type": "application/json", "content-length": str(len(raw)), "x-request-id": ID}
    return Response(status, fixed | {name.replace("_", "-"): value for name, value in more.items()}, raw)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(("changed", "body", "status", "answer"), [row[1:] for row in TABLE], ids=[row[0] for row in TABLE])
async def test_every_way_in_gives_the_same_answer(
    way: Way, changed: dict[str, str], body: Body, status: int, answer: dict[str, object], headers: dict[str, str]
) -> None:
    assert (await way("POST", PATH, headers | {"CL-X-EVENT-ID": "known"}, b'{"known": 1}')).status == 202
    assert await way("POST", PATH, headers | changed, body) == expected(status, answer)
    assert await in_db(Event.objects.count) == (2 if status == 202 else 1)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("method", ["GET", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"])
@pytest.mark.parametrize("path", [PATH, PATH + "/"])
async def test_any_other_method_is_invalid_even_without_a_token(way: Way, method: str, path: str, store: None) -> None:
    assert await way(method, path, {"X-Request-ID": ID}, b"") == expected(405, INVALID, allow="POST")


@pytest.mark.parametrize("way", WAYS)
async def test_the_sixth_post_within_a_second_waits(way: Way, headers: dict[str, str]) -> None:
    answers, took, turn = list[Response](), 2.0, 0
    while took > 1:  # or the machine stood still, and they came in more: once more
        await asyncio.sleep(turn)
        began, turn = time.monotonic(), turn + 1
        answers = [await way("POST", PATH, headers | {"CL-X-EVENT-ID": f"{turn}-{n}"}, b"{}") for n in range(6)]
        took = time.monotonic() - began
    limits = {"retry_after": "1", "ratelimit": '"default";r=0;t=1', "ratelimit_policy": '"default";q=5;w=1'}
    assert [answer.status for answer in answers[:5]] == [202] * 5
    assert answers[5] == expected(429, {"success": False, "message": "Too Many Requests"}, **limits)
    assert await in_db(Event.objects.filter(event_id__startswith=f"{turn}-").count) == 5


async def test_one_account_does_not_use_up_the_rate_of_another(headers: dict[str, str], cast: Cast) -> None:
    for number in range(6):
        await fast_lane("POST", PATH, headers | {"CL-X-EVENT-ID": f"e{number}"}, b"{}")
    other = await fast_lane("POST", PATH, headers | {"CL-X-TOKEN": cast.other_token}, b"{}")
    assert other.status == 202


async def test_the_same_event_id_of_two_accounts_are_two_events(headers: dict[str, str], cast: Cast) -> None:
    first = await fast_lane("POST", PATH, headers, b'{"n": 1}')
    second = await fast_lane("POST", PATH, headers | {"CL-X-TOKEN": cast.other_token}, b'{"n": 2}')
    assert (first.status, second.status) == (202, 202)


@pytest.mark.parametrize("way", WAYS)
async def test_the_token_of_a_deleted_account_stops_at_once(way: Way, headers: dict[str, str], cast: Cast) -> None:
    assert (await way("POST", PATH, headers, b"{}")).status == 202
    await in_db(lambda: delete_account(by=cast.admin))
    assert await way("POST", PATH, headers | {"CL-X-EVENT-ID": "e2"}, b"{}") == expected(401, STRANGER)
    assert await in_db(Event.objects.count) == 1


async def test_a_request_id_that_is_malformed_is_replaced(headers: dict[str, str]) -> None:
    answer = await fast_lane("POST", PATH, headers | {"X-Request-ID": "a b"}, b"{}")
    assert len(answer.headers["x-request-id"]) == 36


def test_djangos_synchronous_client_gets_in_too(headers: dict[str, str], cast: Cast) -> None:
    rest = {name: value for name, value in headers.items() if name != "Content-Type"}
    answer = Client().post(PATH, b'{"n": 1.10}', content_type="application/json", headers=rest)
    assert answer.status_code == 202
    assert bytes(Event.objects.get().body) == b'{"n": 1.10}'


async def test_the_bytes_stand_as_they_came_with_one_delivery_for_each_destination(headers: dict[str, str], cast: Cast) -> None:
    for name in ("a", "b"):
        await in_db(cast.destination, f"https://example.com/{name}")
    body = '{ "π": 1.10, "big": 123456789012345678901234567890, "e": 1E400 }\n'.encode()
    await fast_lane("POST", PATH, headers, body)
    event = await in_db(Event.objects.get)
    assert bytes(event.body) == body
    assert await in_db(Delivery.objects.filter(event=event, status="pending").count) == 2
