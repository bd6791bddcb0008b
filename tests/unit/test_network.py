"""The guard at the socket: what it refuses is never dialled."""

import socket
from collections.abc import Iterator
from ipaddress import ip_network
from urllib.parse import urlsplit

import pytest
from django.conf import LazySettings

from apps.common.addresses import Policy
from apps.deliveries.network import Guard, guard, inbox_key
from apps.deliveries.outbound import Outbound
from apps.deliveries.request import Error, OutboundRequest, Outcome
from apps.deliveries.sender import Sender
from tests.fakes.receiver import Receiver

LOOPBACK = Policy(allowed=(ip_network("127.0.0.0/8"), ip_network("::1/128")))


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.setblocking(False)
        yield server


def port_of(listener: socket.socket) -> int:
    return int(listener.getsockname()[1])


def connections(listener: socket.socket) -> int:
    """How many have come in since the last look; the kernel completes them without an accept()."""
    count = 0
    while True:
        try:
            listener.accept()[0].close()
        except BlockingIOError:
            return count
        count += 1


async def send(guard: Guard, url: str) -> Outcome:
    async with Sender(guard) as sender:
        return await sender.send(OutboundRequest("POST", url, (), b"{}", 0.5))


async def test_a_forbidden_address_gets_no_connection(listener: socket.socket) -> None:
    outcome = await send(Guard(Policy()), f"http://127.0.0.1:{port_of(listener)}/")
    assert (outcome.error, connections(listener)) == (Error.ADDRESS_FORBIDDEN, 0)


async def test_an_allowed_address_gets_one(listener: socket.socket) -> None:
    outcome = await send(Guard(LOOPBACK), f"http://127.0.0.1:{port_of(listener)}/")
    assert (outcome.error, connections(listener)) == (Error.TIMEOUT, 1)


async def test_a_port_of_another_protocol_is_not_dialled_though_the_address_is_allowed() -> None:
    outcome = await send(Guard(LOOPBACK), "http://127.0.0.1:6667/")
    assert outcome.error is Error.ADDRESS_FORBIDDEN
    assert not any(Guard(Policy()).permits("1.1.1.1", port) for port in (22, 25, 465, 587, 6667, 10080))


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.2", "127.255.255.254", "[::ffff:127.0.0.1]", "[::ffff:7f00:2]"])
async def test_our_own_listener_is_out_of_reach_on_every_address_of_this_machine(listener: socket.socket, host: str) -> None:
    guard = Guard(LOOPBACK, [("127.0.0.1", port_of(listener))])
    outcome = await send(guard, f"http://{host}:{port_of(listener)}/")
    assert (outcome.error, connections(listener)) == (Error.ADDRESS_FORBIDDEN, 0)


async def test_a_name_that_leads_to_our_own_listener_answers_like_one_that_does_not_resolve(listener: socket.socket) -> None:
    guard = Guard(LOOPBACK, [("localhost", port_of(listener))])
    outcome = await send(guard, f"http://localhost:{port_of(listener)}/")
    unknown = await send(guard, f"http://no-such-name.invalid:{port_of(listener)}/")
    assert (outcome.error, connections(listener)) == (Error.DNS_FAILED, 0)
    assert unknown.error is outcome.error


@pytest.mark.parametrize("ours", ["0.0.0.0", "::", "127.0.0.1", "::1", "localhost"])
def test_a_port_that_we_listen_on_is_closed_on_loopback_whatever_host_we_bound(ours: str) -> None:
    guard = Guard(LOOPBACK, [(ours, 8000)])
    assert not any(guard.permits(host, 8000) for host in ("127.0.0.1", "127.0.0.2", "::1", "::ffff:127.0.0.1"))
    assert guard.permits("127.0.0.1", 8001)


def test_a_database_elsewhere_closes_its_own_address_and_port_only() -> None:
    guard = Guard(Policy(), [("1.1.1.1", 5432)])
    assert not guard.permits("1.1.1.1", 5432)
    assert not guard.permits("::ffff:1.1.1.1", 5432)
    assert guard.permits("1.1.1.1", 443)
    assert guard.permits("8.8.8.8", 5432)


def test_a_listener_whose_name_does_not_resolve_closes_nothing_and_stops_nothing() -> None:
    guard = Guard(Policy(), [("no-such-name.invalid", 5432), ("", 80)])
    assert guard.permits("1.1.1.1", 5432)


def test_the_guard_raises_before_it_makes_a_socket() -> None:
    with pytest.raises(PermissionError):
        Guard(Policy())((socket.AF_INET, socket.SOCK_STREAM, 6, "", ("10.0.0.1", 80)))


KEY = "abcdefghijklmnopqrstuvwxyz"


@pytest.mark.parametrize(
    ("url", "key"),
    [
        (f"http://127.0.0.1:8000/inbox/{KEY}/", KEY),
        (f"http://127.0.0.1:8000/inbox/{KEY}/?a=/b", KEY),
        (f"http://127.0.0.1:8000/inbox/{KEY}", ""),
        (f"http://127.0.0.1:8000/inbox/{KEY}/../../admin/", ""),
        (f"http://127.0.0.1:8000/inbox/{KEY}/admin/", ""),
        (f"http://127.0.0.1:8000/inbox/{KEY}a/", ""),
        (f"http://127.0.0.1:8000//inbox/{KEY}/", ""),
        (f"http://127.0.0.2:8000/inbox/{KEY}/", ""),
        ("http://127.0.0.1:8000/inbox/../server/incoming_data/", ""),
    ],
)
def test_only_the_address_of_an_inbox_is_one(settings: LazySettings, url: str, key: str) -> None:
    settings.PUBLIC_URL = "http://127.0.0.1:8000"
    assert inbox_key(url) == key


async def test_our_own_listener_is_open_to_inboxes_alone(receiver: Receiver, settings: LazySettings) -> None:
    """Also when a connection to one was kept just before."""
    settings.DESTINATION_ALLOWED_NETWORKS = LOOPBACK.allowed
    settings.PUBLIC_URL = receiver.url.rstrip("/").removesuffix("/hook")
    settings.HOST, settings.PORT = "127.0.0.1", urlsplit(settings.PUBLIC_URL).port
    paths = [f"/inbox/{KEY}/", "/admin/", f"/inbox/{KEY}/?n=1", f"/inbox/{KEY}/x"]
    async with Outbound() as outbound:
        requests = [OutboundRequest("POST", f"{settings.PUBLIC_URL}{path}", (), b"{}", 5) for path in paths]
        found = [(await outbound.send(request)).error for request in requests]
    assert found == [Error.NONE, Error.ADDRESS_FORBIDDEN] * 2
    assert [got.target for got in receiver.got] == [paths[0], paths[2]]


@pytest.mark.parametrize("to_inbox", [False, True])
def test_the_workers_own_port_is_closed_to_everything(settings: LazySettings, *, to_inbox: bool) -> None:
    settings.DESTINATION_ALLOWED_NETWORKS = LOOPBACK.allowed
    settings.HOST, settings.PORT, settings.METRICS_PORT = "127.0.0.1", 8000, 9000
    closed = [port for port in (8000, 9000, 9001) if not guard(to_inbox=to_inbox).permits("127.0.0.2", port)]
    assert closed == ([9000] if to_inbox else [8000, 9000])


async def test_an_inbox_is_as_closed_as_its_address(listener: socket.socket, settings: LazySettings) -> None:
    settings.DESTINATION_ALLOWED_NETWORKS = ()
    settings.PUBLIC_URL = f"http://127.0.0.1:{port_of(listener)}"
    outcome = await send(guard(to_inbox=True), f"{settings.PUBLIC_URL}/inbox/{KEY}/")
    assert (outcome.error, connections(listener)) == (Error.ADDRESS_FORBIDDEN, 0)
