"""Wraps the whole application: who asks, and over what. What a client says of itself in a proxy's headers is not believed.

Only a peer in TRUSTED_PROXIES may speak for others. What it says is put into the scope, where Django and django-allauth look
(`client`, `scheme`, `host`); the headers themselves go no further, whoever sent them.
"""

from collections.abc import Sequence
from contextlib import suppress
from ipaddress import IPv6Address, ip_address

from apps.common.addresses import Address, Network
from consumers.asgi import Application, Receive, Scope, Send

# In lower case, with `-` for `_`: Django takes the two for one. The first four are read from a proxy that is trusted.
_FORWARDED = frozenset(
    [
        b"x-forwarded-for",
        b"forwarded",
        b"x-real-ip",
        b"x-forwarded-proto",
        b"x-forwarded-host",
        b"x-forwarded-port",
        b"x-forwarded-prefix",
        b"x-forwarded-scheme",
        b"x-forwarded-server",
        b"x-forwarded-ssl",
        b"x-original-url",
        b"x-rewrite-url",
        b"x-script-name",
        b"x-client-ip",
        b"client-ip",
        b"true-client-ip",
        b"cf-connecting-ip",
        b"front-end-https",
        b"script-name",
        b"remote-addr",
        b"daphne-root-path",  # Daphne makes it the root path, whoever sends it
    ]
)
_SECURE = {"http": "https", "https": "https", "ws": "wss", "wss": "wss"}
_PLAIN = {"http": "http", "https": "http", "ws": "ws", "wss": "ws"}


class Proxies:
    """`trusted`: the networks of the proxies."""

    def __init__(self, application: Application, trusted: Sequence[Network]) -> None:
        self._application, self._trusted = application, trusted

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] in {"http", "websocket"}:
            scope = self._seen(scope)
        await self._application(scope, receive, send)

    def _seen(self, scope: Scope) -> Scope:
        said = _joined(scope) if self._trusted else {}
        scope = scope | {"headers": _others(scope), "root_path": ""}
        peer = _address((scope.get("client") or ("",))[0]) if said else None
        if peer is not None and self._trusts(peer):
            scope["client"] = (str(self._client(peer, said)), 0)
            _apply(scope, said)
        return scope

    def _trusts(self, address: Address) -> bool:
        return any(address.version == network.version and address in network for network in self._trusted)

    def _client(self, peer: Address, said: dict[str, str]) -> Address:
        """The address nearest to us that is no proxy of ours.

        A proxy sets one of the headers and hands the others on as the client sent them. So they count only when all that name
        a client name the same one; else the proxy itself is counted.
        """
        chains = [said.get("x-forwarded-for", "").split(","), _fors(said.get("forwarded", "")), [said.get("x-real-ip", "")]]
        named = {found for chain in chains if (found := self._nearest(chain)) is not None}
        return named.pop() if len(named) == 1 else peer

    def _nearest(self, chain: list[str]) -> Address | None:
        """None: it names nobody but proxies, or something that is no address stands in the way."""
        for word in reversed(chain):
            address = _address(word)
            if address is None or not self._trusts(address):
                return address
        return None


def _apply(scope: Scope, said: dict[str, str]) -> None:
    """What a trusted proxy says of scheme and host; each the last that was written, which is the nearest proxy's."""
    proto = said.get("x-forwarded-proto", "").split(",")[-1].strip().lower() or _part(said.get("forwarded", ""), "proto")
    if proto in {"http", "https"} and scope.get("scheme") in _PLAIN:
        scope["scheme"] = (_SECURE if proto == "https" else _PLAIN)[scope["scheme"]]
    if host := said.get("x-forwarded-host", "").split(",")[-1].strip():
        others = [pair for pair in scope["headers"] if pair[0].lower() != b"host"]
        scope["headers"] = [*others, (b"host", host.encode("latin-1"))]


def _joined(scope: Scope) -> dict[str, str]:
    """The headers that proxies set, by name; a repeated one's values in their order."""
    found: dict[str, str] = {}
    for raw_name, raw_value in scope["headers"]:
        if raw_name.lower() in _FORWARDED:
            name, value = raw_name.lower().decode(), raw_value.decode("latin-1")
            found[name] = f"{found[name]},{value}" if name in found else value
    return found


def _others(scope: Scope) -> list[tuple[bytes, bytes]]:
    return [pair for pair in scope["headers"] if pair[0].lower().replace(b"_", b"-") not in _FORWARDED]


def _fors(forwarded: str) -> list[str]:
    """What each element of `Forwarded` says of its client (RFC 7239)."""
    return [_part(element, "for") for element in forwarded.split(",")]


def _part(forwarded: str, wanted: str) -> str:
    """Of the last element."""
    pairs = (pair.partition("=") for pair in forwarded.rsplit(",", maxsplit=1)[-1].split(";"))
    return next((value.strip().strip('"').lower() for name, _, value in pairs if name.strip().lower() == wanted), "")


def _address(word: str) -> Address | None:
    """Of `1.2.3.4`, `1.2.3.4:80`, `2001:db8::1`, `[2001:db8::1]:80`; None of what is no address."""
    word = word.strip()
    if word.startswith("["):
        word = word[1:].partition("]")[0]
    elif word.count(":") == 1:
        word = word.partition(":")[0]
    with suppress(ValueError):
        found = ip_address(word.partition("%")[0])
        return (found.ipv4_mapped if isinstance(found, IPv6Address) else None) or found
    return None
