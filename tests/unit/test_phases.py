"""How long the parts of a try took, against real servers. No test says how long that is: only which parts there were."""

import asyncio
import socket
import ssl
from dataclasses import astuple
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp.abc import AbstractResolver

from apps.common.addresses import Policy
from apps.deliveries.network import Guard
from apps.deliveries.request import Error, OutboundRequest, Outcome
from apps.deliveries.sender import Sender
from tests.fakes.receiver import Receiver, Reply
from tests.unit.test_network import LOOPBACK
from tests.unit.test_sender import BRIEFLY, OK, answering, send, serving

OVER_TLS = (True, True, True, True)
NOTHING = (False, False, False, False)


def parts(outcome: Outcome) -> tuple[bool, ...]:
    """Whether there was a look-up, a connect, a handshake, a first byte."""
    return tuple(value is not None for value in astuple(outcome.phases))


def by_name(url: str) -> str:
    return url.replace("127.0.0.1", "localhost")


async def test_a_first_try_connects_and_one_on_its_connection_has_a_first_byte_alone(receiver: Receiver) -> None:
    request = OutboundRequest("POST", receiver.url, (), b"{}", 10)
    async with Sender(Guard(LOOPBACK)) as sender:
        first, second = await sender.send(request), await sender.send(request)
    assert (parts(first), parts(second)) == ((False, True, False, True), (False, False, False, True))


async def test_a_name_is_looked_up_and_what_is_remembered_of_it_counts_too(receiver: Receiver) -> None:
    request = OutboundRequest("POST", by_name(receiver.url), (), b"{}", 10)
    async with Sender(Guard(LOOPBACK)) as sender:
        both = await asyncio.gather(sender.send(request), sender.send(request))
        later = await asyncio.gather(*(sender.send(request) for _ in range(3)))
    assert {parts(outcome) for outcome in both} == {(True, True, False, True)}
    assert max(map(parts, later)) == (True, True, False, True)  # the third has a new connection to the same name


async def test_over_tls_the_handshake_has_its_own(
    tmp_path: Path, self_signed: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    trusting = ssl.create_default_context(cafile=tmp_path / "pem")
    monkeypatch.setattr(aiohttp.connector, "_SSL_CONTEXT_VERIFIED", trusting)
    async with serving(answering(OK), self_signed) as url:
        outcome = await send(by_name(url).replace("http:", "https:"))
    assert (outcome.error, parts(outcome)) == (Error.NONE, OVER_TLS)


async def test_a_certificate_that_nobody_vouches_for_is_told_with_the_time_of_its_handshake(
    self_signed: ssl.SSLContext,
) -> None:
    async with serving(answering(OK), self_signed) as url:
        outcome = await send(by_name(url).replace("http:", "https:"))
    assert (outcome.error, parts(outcome)) == (Error.TLS_FAILED, (True, True, True, False))


@pytest.mark.parametrize(("scheme", "known"), [("http", (False, True, False, False)), ("https", (False, True, True, False))])
async def test_who_accepts_and_says_nothing_has_a_connect_and_no_first_byte(scheme: str, known: tuple[bool, ...]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        outcome = await send(f"{scheme}://127.0.0.1:{silent.getsockname()[1]}/", BRIEFLY)
    assert (outcome.error, parts(outcome)) == (Error.TIMEOUT, known)
    assert sum(value or 0 for value in astuple(outcome.phases)) <= (outcome.latency_ms or 0) + 2  # each is rounded


async def test_a_connect_that_hangs_has_the_time_that_was_left() -> None:
    with socket.socket() as full, socket.socket() as fills:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        fills.connect(full.getsockname())  # the one that waits to be accepted: the next one is not answered
        outcome = await send(f"http://127.0.0.1:{full.getsockname()[1]}/", BRIEFLY)
    assert (outcome.error, parts(outcome)) == (Error.TIMEOUT, (False, True, False, False))


class _Asleep(AbstractResolver):
    async def resolve(self, host: str, port: int = 0, family: Any = socket.AF_INET) -> Any:
        await asyncio.Event().wait()

    async def close(self) -> None:
        pass


async def test_a_look_up_that_hangs_is_all_that_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(aiohttp.connector, "DefaultResolver", lambda **_: _Asleep())
    outcome = await send("http://asleep.example/", BRIEFLY)
    assert (outcome.error, parts(outcome)) == (Error.TIMEOUT, (True, False, False, False))


async def test_what_is_forbidden_tells_no_more_than_what_does_not_resolve(receiver: Receiver) -> None:
    """Or a phase would say which names of our network there are."""
    inside, nowhere = await send(by_name(receiver.url), policy=Policy()), await send("http://no-such-name.invalid/")
    assert (inside.error, parts(inside)) == (nowhere.error, parts(nowhere)) == (Error.DNS_FAILED, (True, False, False, False))
    assert parts(await send(receiver.url, policy=Policy())) == NOTHING


async def test_a_try_that_goes_on_over_a_new_connection_tells_of_that_one() -> None:
    calls = list[int]()

    async def closes_the_second_time(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        calls.append(1)
        writer.write(OK)
        if len(calls) == 1:
            await reader.readuntil(b"\r\n\r\n")  # the next request on it, which is not answered

    async with serving(closes_the_second_time) as url, Sender(Guard(LOOPBACK)) as sender:
        request = OutboundRequest("GET", url, (), None, 10)
        outcomes = [await sender.send(request) for _ in range(2)]
    assert [parts(outcome) for outcome in outcomes] == [(False, True, False, True)] * 2
    assert (len(calls), {outcome.error for outcome in outcomes}) == (2, {Error.NONE})


async def test_the_receivers_own_time_is_in_the_first_byte(receiver: Receiver) -> None:
    receiver.answer = lambda _: Reply(delay_s=0.1)
    outcome = await send(receiver.url)
    assert (outcome.phases.first_byte_ms or 0) >= 90
