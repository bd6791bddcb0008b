"""Headers of proxies: what they say counts when a trusted proxy says it, and nobody behind the front ever sees them."""

from io import BytesIO
from ipaddress import ip_network
from typing import Any

import pytest
from django.core.handlers.asgi import ASGIHandler, ASGIRequest
from hypothesis import given, settings
from hypothesis import strategies as st

from apps.users.adapters import AccountAdapter
from consumers.asgi import Receive, Scope, Send
from consumers.proxies import Proxies
from consumers.routing import front
from tests.fakes.asgi import call

PROXY, OUTER_PROXY, CLIENT, LIAR = "10.0.0.1", "10.0.0.2", "203.0.113.7", "198.51.100.9"
TRUSTED = (ip_network("10.0.0.0/24"), ip_network("fd00:1::/64"))
Headers = list[tuple[str, str]]


async def seen(headers: Headers, peer: str | None = PROXY, scheme: str = "http", kind: str = "http") -> dict[str, Any]:
    """The scope that the application behind the front gets."""
    got: dict[str, Any] = {}

    async def application(scope: Scope, receive: Receive, send: Send) -> None:
        got.update(scope)

    raw = [(name.encode(), value.encode("latin-1")) for name, value in headers]
    scope = {"type": kind, "scheme": scheme, "path": "/", "headers": raw, "client": peer and (peer, 5), "root_path": "/liar"}
    await Proxies(application, TRUSTED)(scope, nobody, nobody)
    return got


async def nobody(*_: object) -> Any:
    raise AssertionError("this application neither reads nor answers")


async def client_of(headers: Headers, peer: str = PROXY) -> str:
    return str((await seen(headers, peer))["client"][0])


BELIEVED = [
    ([("x-forwarded-for", CLIENT)], CLIENT),
    ([("x-forwarded-for", f"{LIAR}, {CLIENT}")], CLIENT),
    ([("x-forwarded-for", LIAR), ("x-forwarded-for", CLIENT)], CLIENT),
    ([("x-forwarded-for", f"{LIAR}, {CLIENT}, {OUTER_PROXY}")], CLIENT),
    ([("x-forwarded-for", f" {CLIENT}:4711 ")], CLIENT),
    ([("x-forwarded-for", "2001:db8::7")], "2001:db8::7"),
    ([("x-forwarded-for", "[2001:db8::7]:4711, fd00:1::5")], "2001:db8::7"),
    ([("x-forwarded-for", f"::ffff:{CLIENT}")], CLIENT),
    ([("X-Forwarded-For", CLIENT)], CLIENT),
    ([("forwarded", f"for={LIAR}, for={CLIENT};proto=https")], CLIENT),
    ([("forwarded", 'for="[2001:db8::7]:4711"')], "2001:db8::7"),
    ([("forwarded", f"By=x;FOR={CLIENT}")], CLIENT),
    ([("x-real-ip", CLIENT)], CLIENT),
    ([("x-real-ip", OUTER_PROXY), ("x-forwarded-for", f"{CLIENT}, {OUTER_PROXY}")], CLIENT),
    ([("x-real-ip", CLIENT), ("x-forwarded-for", f"{LIAR}, {CLIENT}"), ("forwarded", f"for={CLIENT}")], CLIENT),
    # a header that the proxy did not write names somebody else: who lies is counted as the proxy
    ([("x-forwarded-for", CLIENT), ("forwarded", f"for={LIAR}")], PROXY),
    ([("x-forwarded-for", CLIENT), ("x-real-ip", LIAR)], PROXY),
    # what is no address hides all that stands before it
    ([("x-forwarded-for", f"{LIAR}, unknown")], PROXY),
    ([("x-forwarded-for", f"{LIAR}, , {OUTER_PROXY}")], PROXY),
    ([("x-forwarded-for", "")], PROXY),
    ([("x-forwarded-for", "999.1.1.1")], PROXY),
    ([("forwarded", f"for={LIAR}, for=_hidden")], PROXY),
    ([("forwarded", f"for={LIAR}, proto=https")], PROXY),
    ([("x-forwarded-for", OUTER_PROXY)], PROXY),
    ([], PROXY),
]


@pytest.mark.parametrize(("headers", "client"), BELIEVED, ids=lambda value: str(value)[:60])
async def test_the_client_is_the_nearest_address_that_is_no_proxy_of_ours(headers: Headers, client: str) -> None:
    assert await client_of(headers) == client


SPOOFS = [
    "X-Forwarded-For", "x_forwarded_for", "Forwarded", "X-Real-IP", "X_Real_IP", "X-Forwarded-Proto", "X-Forwarded-Host",
    "X-Forwarded-Port", "X-Forwarded-Prefix", "X-Forwarded-Ssl", "Front-End-Https", "X-Original-URL", "X-Rewrite-URL",
    "True-Client-IP", "CF-Connecting-IP", "X-Client-IP", "Client-IP", "Script-Name", "Remote-Addr", "Daphne-Root-Path",
    "daphne_root_path",
]  # fmt: skip


@pytest.mark.parametrize("peer", [PROXY, CLIENT])
@pytest.mark.parametrize("name", SPOOFS)
async def test_no_application_ever_sees_the_headers_themselves(name: str, peer: str) -> None:
    scope = await seen([(name, "for=1.2.3.4;proto=https"), ("accept", "x")], peer)
    assert [pair for pair in scope["headers"] if pair[0] != b"host"] == [(b"accept", b"x")]
    assert scope["root_path"] == ""


@pytest.mark.parametrize("peer", [CLIENT, "127.0.0.1", "10.0.1.1", "::1", "fd00:2::1", None])
async def test_nobody_else_may_say_who_asks_or_over_what(peer: str | None) -> None:
    headers = [("x-forwarded-for", LIAR), ("forwarded", f"for={LIAR};proto=https"), ("x-real-ip", LIAR), ("host", "ours")]
    scope = await seen([*headers, ("x-forwarded-proto", "https"), ("x-forwarded-host", "liar")], peer)
    assert (scope["client"], scope["scheme"]) == (peer and (peer, 5), "http")
    assert scope["headers"] == [(b"host", b"ours")]


@pytest.mark.parametrize(
    ("headers", "kind", "scheme"),
    [
        ([("x-forwarded-proto", "https")], "http", "https"),
        ([("x-forwarded-proto", "HTTPS")], "http", "https"),
        ([("x-forwarded-proto", "http, https")], "http", "https"),
        ([("x-forwarded-proto", "https, http")], "http", "http"),
        ([("x-forwarded-proto", "gopher")], "http", "http"),
        ([("forwarded", "proto=http, for=1.2.3.4; proto=https")], "http", "https"),
        ([("x-forwarded-proto", "https")], "ws", "wss"),
        ([("x-forwarded-proto", "http")], "https", "http"),
        ([], "http", "http"),
    ],
)
async def test_a_trusted_proxy_says_over_what_it_was_asked(headers: Headers, kind: str, scheme: str) -> None:
    assert (await seen(headers, scheme=kind))["scheme"] == scheme


async def test_a_trusted_proxy_says_which_host_was_asked_for() -> None:
    scope = await seen([("host", "inner:8000"), ("x-forwarded-host", "liar.example, push.example")])
    assert scope["headers"] == [(b"host", b"push.example")]


async def test_it_holds_for_sockets_too_and_leaves_other_scopes_alone() -> None:
    scope = await seen([("x-forwarded-for", CLIENT), ("daphne-root-path", "/x")], kind="websocket", scheme="ws")
    assert (scope["client"], scope["headers"], scope["root_path"]) == ((CLIENT, 0), [], "")
    assert (await seen([("x-forwarded-for", CLIENT)], kind="channel"))["headers"] != []


async def test_django_and_allauth_count_by_the_client_and_know_the_scheme() -> None:
    scope = await seen([("x-forwarded-for", f"{LIAR}, {CLIENT}"), ("x-forwarded-proto", "https")])
    scope |= {"method": "GET", "query_string": b""}
    request = ASGIRequest(scope, BytesIO())
    assert (request.META["REMOTE_ADDR"], request.is_secure()) == (CLIENT, True)
    assert AccountAdapter(request).get_client_ip(request) == CLIENT
    assert not [name for name in request.META if "FORWARDED" in name]


async def test_without_trusted_proxies_a_claim_changes_no_answer() -> None:
    """fakes.asgi asks from 127.0.0.1: no proxy of ours."""
    application = Proxies(front(ASGIHandler()), TRUSTED)
    plain = await call(application, "GET", "/health/live/", [("Host", "localhost")])
    claims = [(name, "for=1.2.3.4;proto=https;host=evil.example") for name in SPOOFS]
    claimed = await call(application, "GET", "/health/live/", [("Host", "localhost"), *claims])
    assert (claimed.status, claimed.body) == (plain.status, plain.body)


words = st.lists(st.sampled_from([CLIENT, LIAR, PROXY, OUTER_PROXY, "unknown", "", "::1", "[", "1:2:3", '"', ";=", "\xff"]))


@given(chains=st.lists(st.tuples(st.sampled_from(SPOOFS), words), max_size=5))
@settings(max_examples=150, derandomize=True, deadline=None)
async def test_whatever_is_sent_who_appends_the_client_is_believed_or_the_proxy_is_counted(
    chains: list[tuple[str, list[str]]],
) -> None:
    """The usual proxy: it appends to X-Forwarded-For, and hands everything else on as it came."""
    sent = [(name, ",".join(chain)) for name, chain in chains]
    assert await client_of([*sent, ("x-forwarded-for", CLIENT)]) in {CLIENT, PROXY}
    assert await client_of(sent, CLIENT) == CLIENT
