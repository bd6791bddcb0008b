"""Check 17: no spelling of a forbidden target is dialled, however it comes in; what is allowed is reached all the while."""

import asyncio
import socket
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from copy import copy
from dataclasses import dataclass
from ipaddress import ip_network
from itertools import count
from typing import Any

import aiohttp
import pytest
from aiohttp.abc import AbstractResolver, ResolveResult
from django.conf import LazySettings
from django.core.exceptions import ValidationError

from apps.common.ids import uuid7
from apps.deliveries import probe
from apps.deliveries.engine import Engine
from apps.deliveries.outbound import Outbound
from apps.deliveries.probe import send_test
from apps.deliveries.request import Error, OutboundRequest
from apps.destinations.models import Destination
from apps.logs.models import Log
from tests.cast import Cast
from tests.fakes.receiver import Received, Receiver, Reply
from tests.integration.figures import Figures
from tests.integration.product import free_port
from tests.posting import in_db, post, until
from tests.targets import NAMES, NEVER, SPELLINGS

pytestmark = [pytest.mark.integration, pytest.mark.embedded]

CONTROL = "127.77.0.1"
FORBIDDEN = ["127.0.0.1", "127.0.0.2", "::1"]
ALL = [each for spellings in SPELLINGS.values() for each in spellings]
# How a try ends that was stopped before it was dialled.
STOPPED = {Error.ADDRESS_FORBIDDEN, Error.DNS_FAILED, Error.CONNECTION_FAILED}
WIDE = ["10.0.0.0/8", "100.0.0.0/8", "127.0.0.0/8", "168.0.0.0/8", "169.0.0.0/8", "172.0.0.0/8", "192.0.0.0/8", "224.0.0.0/8"]
WIDE += ["64::/16", "fc00::/16", "fd00::/16", "fd20::/16", "fe80::/16", "ff02::/16"]
REDIRECTS = [301, 302, 303, 307, 308]


class NameServer(AbstractResolver):
    """Somebody else's. A number is what the C library takes it for; a name of `.rebind.test` leads elsewhere each time."""

    rebinding: dict[str, list[list[str]]]

    def __init__(self, *_: object, **__: object) -> None:
        pass

    async def resolve(self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET) -> list[ResolveResult]:
        turns = self.rebinding.get(host)
        found = turns.pop(0) if turns else NAMES.get(host.lower().rstrip("."))
        if found is None:
            infos = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST)
            found = [str(info[4][0]) for info in infos]
        return [ResolveResult(hostname=host, host=each, port=port, family=0, proto=0, flags=0) for each in found]

    async def close(self) -> None:
        pass


@dataclass
class Scene:
    port: int
    control: Receiver
    listeners: list[socket.socket]
    saved: int = 0

    def connections(self) -> int:
        """To a forbidden address, since the last look; the kernel completes them without an accept()."""
        found = 0
        for listener in self.listeners:
            with suppress(BlockingIOError):
                while True:
                    listener.accept()[0].close()
                    found += 1
        return found

    def url(self, spelling: str) -> str:
        return f"http://{spelling}:{self.port}/"


@pytest.fixture
def scene(settings: LazySettings, monkeypatch: pytest.MonkeyPatch) -> Iterator[Scene]:
    """The same port on an allowed address and on forbidden ones."""
    settings.DESTINATION_ALLOWED_NETWORKS = (ip_network("127.77.0.0/16"),)
    monkeypatch.setattr(aiohttp.connector, "DefaultResolver", NameServer)
    monkeypatch.setattr(NameServer, "rebinding", {}, raising=False)
    monkeypatch.setattr(probe, "_A_MINUTE", 10_000)
    port = free_port()
    with ExitStack() as stack:
        listeners = [stack.enter_context(_listen(address, port)) for address in FORBIDDEN]
        yield Scene(port, stack.enter_context(Receiver(host=CONTROL, port=port)), listeners)


def _listen(address: str, port: int) -> socket.socket:
    server = socket.create_server((address, port), family=socket.AF_INET6 if ":" in address else socket.AF_INET)
    server.setblocking(False)
    return server


def save(cast: Cast, url: str) -> Destination | None:
    """None: it is refused."""
    with suppress(ValidationError):
        return cast.destination(url, timeout_s=1)
    return None


def save_all(cast: Cast, scene: Scene, spellings: list[str]) -> list[Destination]:
    """A destination for each, and the control. What is refused is written past the check, for those behind it."""
    urls = [scene.url(spelling) for spelling in dict.fromkeys(spellings)]
    saved = [destination for url in urls if (destination := save(cast, url))]
    control = cast.destination(f"http://{CONTROL}:{scene.port}/delivered", timeout_s=5)
    written = []
    for url in set(urls) - {destination.url for destination in saved}:
        written.append(copy(control))
        written[-1].pk, written[-1].url = uuid7(), url
    scene.saved = len(saved)
    return [*saved, *Destination.objects.bulk_create(written)]


async def try_both(cast: Cast, destinations: list[Destination]) -> set[str]:
    """How the tries of both kinds ended."""
    admin = await in_db(lambda: cast.admin)
    tested = [await in_db(send_test, destination=each, by=admin) for each in destinations]
    running = Engine()
    running.start()
    await post(cast.token, "e1", b"{}")
    running.wake()
    await until(lambda: Log.objects.count() > len(destinations))
    await running.stop()
    logged = await in_db(lambda: dict(Log.objects.values_list("destination_id", "error")))
    assert {each.address for each in tested} == {""}
    return {each.error for each in tested} | {logged[each.pk] for each in destinations}


async def test_no_spelling_is_dialled_by_a_test_send_or_a_delivery(cast: Cast, scene: Scene, figures: Figures) -> None:
    destinations = await in_db(save_all, cast, scene, ALL)
    ended = await try_both(cast, destinations)
    figures.show("spellings", len(set(ALL)))
    figures.show("of them saved (names)", scene.saved)
    figures.show("connections", connections := scene.connections())
    assert len(set(ALL)) >= 150
    assert connections == 0
    assert ended <= STOPPED
    assert [request.target for request in scene.control.got] == ["/delivered"]


def test_what_names_an_address_is_refused_as_it_is_saved(cast: Cast, scene: Scene) -> None:
    """A name is not looked up then: what it leads to may change."""
    taken = {url for url in [*map(scene.url, ALL), *NEVER] if save(cast, url)}
    others = {"LOCALHOST", "LocalHost.", "xn--localhost", "public.test?@127.0.0.1", "public.test/@127.0.0.1"}
    assert taken == {scene.url(name) for name in others | NAMES.keys()}


async def test_metadata_and_our_own_listener_stay_closed_when_an_operator_opens_everything(
    cast: Cast, scene: Scene, settings: LazySettings, figures: Figures
) -> None:
    settings.DESTINATION_ALLOWED_NETWORKS = tuple(map(ip_network, WIDE))
    settings.HOST, settings.PORT = "127.0.0.1", scene.port
    spellings = SPELLINGS["loopback"] + SPELLINGS["metadata"]
    destinations = await in_db(save_all, cast, scene, spellings)
    ended = await try_both(cast, destinations)
    figures.show("spellings", len(set(spellings)))
    figures.show("connections", connections := scene.connections())
    assert (connections, scene.control.got) == (0, [])  # the control has our listener's port, which is closed on all addresses
    assert ended <= STOPPED


async def test_a_redirect_leads_nowhere(scene: Scene, figures: Figures) -> None:
    numbers = count()

    def redirect(request: Received) -> Reply:
        number = next(numbers)
        where = scene.url(ALL[number % len(ALL)]).encode("ascii", "ignore").decode()
        return Reply(
            REDIRECTS[number % len(REDIRECTS)], {"Location": where.replace("\t", ""), "Refresh": f"0; url={where.strip()}"}
        )

    scene.control.answer = redirect
    async with Outbound() as outbound:
        url = f"http://{CONTROL}:{scene.port}/"
        tries = [outbound.send(OutboundRequest("POST", url, (), b"{}", 5)) for _ in ALL]
        ended = Counter(outcome.error for outcome in await asyncio.gather(*tries))
    figures.show("redirects", len(ALL))
    assert (scene.connections(), len(scene.control.got)) == (0, len(ALL))
    assert ended == {Error.HTTP_STATUS: len(ALL)}


MIXES: list[tuple[list[list[str]], list[Any]]] = [
    # what the name leads to at each look; how the tries end
    ([[CONTROL], ["127.0.0.1"]], [Error.NONE, Error.DNS_FAILED]),
    ([["127.0.0.1"], [CONTROL]], [Error.DNS_FAILED, Error.NONE]),
    ([["127.0.0.1", CONTROL]], [Error.NONE]),
    ([[CONTROL, "127.0.0.1", "::1"]], [Error.NONE]),
    ([["::1", "127.0.0.2"], ["169.254.169.254", "10.0.0.1"]], [Error.DNS_FAILED, Error.DNS_FAILED]),
    ([["::ffff:127.0.0.1", "64:ff9b::7f00:1", "2002:7f00:1::", "::127.0.0.1"]], [Error.DNS_FAILED]),
    ([["fd00:ec2::254", "fe80::1", "0.0.0.0", "::"]], [Error.DNS_FAILED]),
]


@pytest.mark.parametrize(("turns", "ends"), MIXES, ids=lambda value: str(value)[:50])
async def test_a_name_that_is_bound_anew_is_looked_at_where_it_is_dialled(
    scene: Scene, turns: list[list[str]], ends: list[Error]
) -> None:
    NameServer.rebinding["n.rebind.test"] = list(turns)
    ended = []
    for _ in turns:
        async with Outbound() as outbound:  # each looks the name up anew
            url = f"http://n.rebind.test:{scene.port}/"
            ended.append((await outbound.send(OutboundRequest("POST", url, (), b"{}", 5))).error)
    assert ended == ends
    assert (scene.connections(), len(scene.control.got)) == (0, ends.count(Error.NONE))
