"""What may be dialled: the one choke point, at the socket, after every look-up, so that no rebinding gets past it."""

import errno
import re
import socket
from collections.abc import Callable, Iterable
from ipaddress import ip_address
from urllib.parse import urlsplit

from aiohttp.connector import AddrInfoType
from django.conf import settings

from apps.common.addresses import Policy, unwrap


class Guard:
    """Makes the socket of each dialled address, or refuses with PermissionError, by which the sender knows it.

    `listeners` are hosts and ports that nobody may reach through us: our own, the database's, Redis's. A port that is open
    on this machine is closed on all of its addresses: 127.0.0.2 leads to the same listener as 127.0.0.1.
    """

    def __init__(self, policy: Policy, listeners: Iterable[tuple[str, int]] = ()) -> None:
        self._policy = policy
        self._closed: set[tuple[str, int]] = set()
        self._closed_here: set[int] = set()
        for host, port in listeners:
            for address in _look_up(host):
                if _is_here(address):
                    self._closed_here.add(port)
                self._closed.add((address, port))

    def permits(self, host: str, port: int) -> bool:
        address = str(unwrap(ip_address(host.split("%", 1)[0])))
        if (address, port) in self._closed or (port in self._closed_here and _is_here(address)):
            return False
        return self._policy.permits(host, port)

    def __call__(self, info: AddrInfoType) -> socket.socket:
        family, kind, protocol, _, target = info
        if not self.permits(str(target[0]), int(target[1])):
            raise PermissionError(errno.EPERM, "address not allowed")
        return socket.socket(family, kind, protocol)


_KEY = re.compile(r"([a-z2-7]{26})/(?:\?.*)?")


def inbox_key(url: str) -> str:
    """The key of our own inbox to which the URL leads, with a query or without; empty: it leads elsewhere."""
    beginning = f"{settings.PUBLIC_URL}/inbox/"
    found = _KEY.fullmatch(url[len(beginning) :]) if url.startswith(beginning) else None
    return found[1] if found else ""


def guard(*, to_inbox: bool = False) -> Guard:
    """By the settings: public addresses and the allowed networks, less our own listeners, the database and Redis.

    `to_inbox`: for what has an `inbox_key`, and for nothing else: our own pages are open. Use it with connections of its
    own, since one that is kept would lead everywhere at that host and port.
    It looks names up, so it waits for a name server.
    """
    listeners = [] if to_inbox else [(settings.HOST, settings.PORT)]
    if settings.METRICS_PORT is not None:
        listeners.append((settings.HOST, settings.METRICS_PORT))
    for url, port in ((settings.DATABASE_URL, 5432), (settings.REDIS_URL, 6379)):
        parts = urlsplit(url)
        if parts.hostname:
            listeners.append((parts.hostname, parts.port or port))
    return Guard(Policy(allowed=settings.DESTINATION_ALLOWED_NETWORKS), listeners)


SocketFactory = Callable[[AddrInfoType], socket.socket]


def _look_up(host: str) -> set[str]:
    """Addresses of a host of our own settings; none when it does not resolve now."""
    try:
        return {str(unwrap(ip_address(str(info[4][0]).split("%", 1)[0]))) for info in socket.getaddrinfo(host, None)}
    except (OSError, UnicodeError):
        return set()


def _is_here(address: str) -> bool:
    """Whether the address is one of this machine's: it can be bound."""
    parsed = ip_address(address)
    if parsed.is_loopback or parsed.is_unspecified:
        return True
    with socket.socket(socket.AF_INET if parsed.version == 4 else socket.AF_INET6, socket.SOCK_DGRAM) as probe:
        try:
            probe.bind((address, 0))
        except OSError:
            return False
    return True
