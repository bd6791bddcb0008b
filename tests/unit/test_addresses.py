"""What may be dialled: public addresses and what the operator lists; never metadata, in whatever spelling."""

from ipaddress import ip_address, ip_network

import pytest

from apps.common.addresses import Policy, literal, unwrap

ANYWHERE = tuple(ip_network(text) for text in ("0.0.0.0/0", "::/0"))

PUBLIC = ["1.1.1.1", "93.184.216.34", "223.255.255.254", "2606:4700::1111", "2a00:1450:4001::1"]
EMBEDDED_PUBLIC = ["::ffff:1.1.1.1", "64:ff9b::1.1.1.1", "2002:101:101::", "::1.1.1.1"]

PRIVATE = [
    "10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.1.1", "127.0.0.1", "127.255.255.254", "100.64.0.1", "198.18.0.1",
    "192.0.0.1", "192.0.2.1", "198.51.100.1", "203.0.113.1", "240.0.0.1", "::1", "fc00::1", "fd12:3456::1", "2001:db8::1",
    "fec0::1", "feff::1",  # site-local: deprecated, routed inside some companies
    "4000::1", "5f00::1", "::ffff:0:10.0.0.1",  # outside 2000::/3: nobody's public address
]  # fmt: skip
EMBEDDED_PRIVATE = [
    "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:a00:1", "::127.0.0.1", "::10.0.0.1", "64:ff9b::127.0.0.1",
    "64:ff9b::a00:1", "2002:7f00:1::", "2002:a00:1::1", "2002:c0a8:101::",
    "2001:0:101:101::80ff:fffe",  # Teredo: the client's address is inverted, 127.0.0.1
    "2001:0:101:101::f5ff:fffe",  # 10.0.0.1
]  # fmt: skip
NEVER = [
    "169.254.169.254", "169.254.170.2", "169.254.0.1", "fe80::1", "fe80::1%eth0", "fd00:ec2::254", "fd20:ce::254",
    "168.63.129.16", "100.100.100.200", "192.0.0.192", "0.0.0.0", "0.1.2.3", "::", "::2", "::ffff", "255.255.255.255",
    "224.0.0.1", "239.255.255.250", "ff02::1", "ff0e::1",
    "::ffff:169.254.169.254", "::169.254.169.254", "64:ff9b::169.254.169.254", "64:ff9b::a9fe:a9fe", "64:ff9b:1::a9fe:a9fe",
    "2002:a9fe:a9fe::", "2001:0:101:101::5601:5601", "::ffff:168.63.129.16", "::ffff:0.0.0.0", "::ffff:224.0.0.1",
]  # fmt: skip


@pytest.mark.parametrize("address", [*PUBLIC, *EMBEDDED_PUBLIC])
def test_a_public_address_may_be_dialled(address: str) -> None:
    assert Policy().permits(address, 443)


@pytest.mark.parametrize("address", [*PRIVATE, *EMBEDDED_PRIVATE])
def test_a_private_address_is_refused_until_the_operator_lists_its_network(address: str) -> None:
    assert not Policy().permits(address, 443)
    assert Policy(allowed=ANYWHERE).permits(address, 443)


@pytest.mark.parametrize("address", NEVER)
def test_metadata_link_local_and_multicast_are_refused_even_when_every_network_is_listed(address: str) -> None:
    assert not Policy(allowed=ANYWHERE).permits(address, 80)


def test_a_listed_network_opens_itself_and_nothing_beside_it() -> None:
    policy = Policy(allowed=(ip_network("10.20.0.0/16"),))
    assert policy.permits("10.20.255.255", 80)
    assert policy.permits("::ffff:10.20.0.1", 80)
    assert not policy.permits("10.21.0.0", 80)
    assert not policy.permits("127.0.0.1", 80)


def test_a_closed_address_and_port_is_refused_in_every_spelling_while_its_other_ports_are_open() -> None:
    policy = Policy(closed=frozenset({("1.1.1.1", 5432)}))
    assert not any(policy.permits(address, 5432) for address in ("1.1.1.1", *EMBEDDED_PUBLIC))
    assert policy.permits("1.1.1.1", 443)


@pytest.mark.parametrize(
    ("outer", "inner"),
    [
        ("::ffff:1.2.3.4", "1.2.3.4"),
        ("::1.2.3.4", "1.2.3.4"),
        ("64:ff9b::1.2.3.4", "1.2.3.4"),
        ("2002:102:304:5::6", "1.2.3.4"),
        ("2001:0:808:808::fefd:fcfb", "1.2.3.4"),
        ("1.2.3.4", "1.2.3.4"),
        ("::1", "::1"),
        ("::", "::"),
        ("2606:4700::1", "2606:4700::1"),
    ],
)
def test_an_address_is_unwrapped_to_where_its_packets_go(outer: str, inner: str) -> None:
    assert unwrap(ip_address(outer)) == ip_address(inner)


@pytest.mark.parametrize(
    ("host", "address"),
    [
        ("1.1.1.1", "1.1.1.1"),
        ("[::1]", "::1"),
        ("::0001", "::1"),
        ("fe80::1%eth0", "fe80::1"),
        ("localhost", None),
        ("1.1", None),
        ("01.1.1.1", None),
        ("", None),
    ],
)
def test_a_host_is_told_apart_as_an_address_or_a_name(host: str, address: str | None) -> None:
    assert literal(host) == address
