"""Which IP addresses may be dialled at all. Only the standard library; no look-ups."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

# Metadata services of clouds and link-local: never, whatever an operator lists.
_NEVER: tuple[Network, ...] = tuple(
    ip_network(text)
    for text in (
        "169.254.0.0/16",  # link-local, 169.254.169.254 of most clouds
        "fe80::/10",
        "fd00:ec2::/32",  # AWS over IPv6
        "fd20:ce::/32",  # Google over IPv6
        "168.63.129.16/32",  # Azure
        "100.100.100.200/32",  # Alibaba
        "192.0.0.192/32",  # Oracle
        "0.0.0.0/8",
        "::/128",
        "224.0.0.0/4",
        "ff00::/8",
        "64:ff9b:1::/48",  # a network's own NAT64: where in it the IPv4 address stands is not for us to know
        "255.255.255.255/32",
    )
)
_NAT64 = (IPv6Network("64:ff9b::/96"),)
_V4_COMPATIBLE = IPv6Network("::/96")
# All that is public in IPv6; `is_global` alone also takes what nobody has been given yet, and the old site-local.
_GLOBAL_UNICAST = IPv6Network("2000::/3")

# Where something else than HTTP listens that may take a request's lines for its own: the bad ports of the Fetch standard.
OTHER_PROTOCOLS = frozenset((
    1, 7, 9, 11, 13, 15, 17, 19, 20, 21, 22, 23, 25, 37, 42, 43, 53, 69, 77, 79, 87, 95, 101, 102, 103, 104, 109, 110, 111,
    113, 115, 117, 119, 123, 135, 137, 139, 143, 161, 179, 389, 427, 465, 512, 513, 514, 515, 526, 530, 531, 532, 540, 548,
    554, 556, 563, 587, 601, 636, 989, 990, 993, 995, 1719, 1720, 1723, 2049, 3659, 4045, 4190, 5060, 5061, 6000, 6566,
    6665, 6666, 6667, 6668, 6669, 6679, 6697, 10080,
))  # fmt: skip


def unwrap(address: Address) -> Address:
    """The IPv4 address inside a mapped, NAT64, 6to4, Teredo or v4-compatible one, which is where the packets go."""
    if isinstance(address, IPv4Address):
        return address
    if address.ipv4_mapped:
        return address.ipv4_mapped
    if address.sixtofour:
        return address.sixtofour
    if address.teredo:
        return address.teredo[1]
    low = IPv4Address(int(address) & 0xFFFFFFFF)
    if any(address in network for network in _NAT64) or (address in _V4_COMPATIBLE and int(address) > 1):
        return low
    return address


@dataclass(frozen=True, slots=True)
class Policy:
    """What may be dialled: public addresses and `allowed`; never metadata, link-local, ports of other protocols, nor an
    address and port of `closed`."""

    allowed: tuple[Network, ...] = ()
    closed: frozenset[tuple[str, int]] = field(default_factory=frozenset)

    def permits(self, host: str, port: int) -> bool:
        """Whether this IP literal and port may be dialled."""
        real = unwrap(ip_address(host.split("%", 1)[0]))
        if port in OTHER_PROTOCOLS or _within(real, _NEVER) or (str(real), port) in self.closed:
            return False
        return _within(real, self.allowed) or _public(real)


def _within(address: Address, networks: Iterable[Network]) -> bool:
    return any(address.version == network.version and address in network for network in networks)


def _public(address: Address) -> bool:
    return address.is_global and not address.is_multicast and (address.version == 4 or address in _GLOBAL_UNICAST)


def literal(host: str) -> str | None:
    """The host as an IP literal, or None when it is a name."""
    try:
        return str(ip_address(host.strip("[]").split("%", 1)[0]))
    except ValueError:
        return None
