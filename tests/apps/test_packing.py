"""What goes out gzipped, and what never does."""

import gzip
from typing import Any

import pytest
from django.http import HttpRequest, HttpResponse
from django.test import Client, RequestFactory

from apps.common.packing import StaticFiles
from tests.browsing import sign_in
from tests.cast import Cast
from tests.rest import Rest

GZIP = {"Accept-Encoding": "br, gzip"}
CSS = "/static/css/app.css"


async def nothing(request: HttpRequest) -> HttpResponse:
    return HttpResponse(status=404)


async def ask(path: str, method: str = "GET", **headers: str) -> Any:
    return await StaticFiles(nothing)(RequestFactory(headers=headers).generic(method, path))


async def read(answer: Any) -> bytes:
    return b"".join([part async for part in answer]) if answer.streaming else answer.content


async def test_a_stylesheet_comes_packed_to_who_takes_it() -> None:
    whole = await read(await ask(CSS))
    answer = await ask(CSS, **GZIP)
    assert (answer["Content-Encoding"], answer["Vary"]) == ("gzip", "Accept-Encoding")
    assert answer["Content-Type"] == 'text/css; charset="utf-8"'
    assert int(answer["Content-Length"]) == len(answer.content) < len(whole) / 3
    assert gzip.decompress(answer.content) == whole


@pytest.mark.parametrize("given", [{}, {"Accept-Encoding": "br"}, GZIP | {"Range": "bytes=0-9"}], ids=str)
async def test_who_takes_none_or_a_part_gets_the_text_as_it_stands(given: dict[str, str]) -> None:
    answer = await ask(CSS, **given)
    assert (answer.has_header("Content-Encoding"), answer["Vary"]) == (False, "Accept-Encoding")
    assert await read(answer) in (await read(await ask(CSS)))


async def test_who_has_a_stylesheet_is_told_so_packed_or_not() -> None:
    (tag,) = {(await ask(CSS, **each))["ETag"] for each in (GZIP, {})}
    answer = await ask(CSS, **GZIP, **{"If-None-Match": tag})
    assert (answer.status_code, await read(answer), answer["Vary"]) == (304, b"", "Accept-Encoding")


async def test_a_font_is_packed_already() -> None:
    answer = await ask("/static/vendor/fonts/inter/inter-latin-400-normal.woff2", **GZIP)
    assert [answer.has_header(name) for name in ("Content-Encoding", "Vary")] == [False, False]


def test_a_page_and_a_list_come_packed(cast: Cast) -> None:
    cast.destination("http://127.0.0.1:2/hook")
    alice = sign_in(cast.alice)
    for path in (f"/accounts/{cast.account.pk}/live/", f"/api/v1/accounts/{cast.account.pk}/destinations/"):
        whole, answer = alice.get(path), alice.get(path, headers=GZIP)
        assert (answer["Content-Encoding"], "Accept-Encoding" in answer["Vary"]) == ("gzip", True)
        assert ("Accept-Encoding" in whole["Vary"], whole.has_header("Content-Encoding")) == (True, False)
        assert b"127.0.0.1" in gzip.decompress(answer.content)


def test_what_has_an_etag_keeps_it_and_its_conditions_hold(cast: Cast) -> None:
    rest, path = Rest(cast.alice), f"accounts/{cast.account.pk}/"
    tag = rest.get(path, **GZIP).headers["etag"]
    assert tag == '"1"'
    assert rest.get(path, If_None_Match=tag, **GZIP).status == 304
    assert rest.patch(path, {"account_name": "Renamed"}, If_Match=tag, **GZIP).status == 200
    assert rest.patch(path, {"account_name": "Again"}, If_Match=tag, **GZIP).status == 412


def test_a_secret_is_never_packed(cast: Cast) -> None:
    alice, own = sign_in(cast.alice), f"accounts/{cast.account.pk}"
    page = alice.post(f"/{own}/token/", headers=GZIP)
    token = alice.get(f"/api/v1/{own}/token/", headers=GZIP)
    assert [cast.token in answer.content.decode() for answer in (page, token)] == [True, True]
    assert [answer.has_header("Content-Encoding") for answer in (page, token)] == [False, False]


def test_neither_posts_nor_probes_are_packed(cast: Cast) -> None:
    client = Client(headers=GZIP)
    answers = [client.post("/server/incoming_data", "{}", content_type="application/json"), client.get("/health/ready/")]
    assert [answer.has_header("Content-Encoding") for answer in answers] == [False, False]
