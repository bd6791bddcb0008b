"""Where no request may go, in the spellings that readers of URLs disagree about. Each is what stands before the port."""

from ipaddress import IPv4Address

_FOUR = {
    "loopback": ["127.0.0.1"],
    "private": ["10.0.0.1", "192.168.1.1"],
    "metadata": ["169.254.169.254", "168.63.129.16", "100.100.100.200"],
}


def _notations(address: str) -> list[str]:
    """All that some resolver takes for this IPv4 address, and the IPv6 addresses whose packets go there."""
    number, (a, b, c, d) = int(IPv4Address(address)), map(int, address.split("."))
    pair = f"{number >> 16:x}:{number & 0xFFFF:x}"
    dotted = [
        address,
        f"{address}.",
        f"{a}.{b}.{c * 256 + d}",
        f"{a}.{(b * 256 + c) * 256 + d}",
        f"{a:03}.{b:03}.{c:03}.{d:03}",
    ]
    numbers = [str(number), f"0x{number:08x}", f"0X{number:X}", f"0{number:o}", f"{a:#x}.{b:#x}.{c:#x}.{d:#x}"]
    numbers += [f"0{a:o}.0{b:o}.0{c:o}.0{d:o}", f"{a:#x}.{b}.0{c:o}.{d}", str(number + 2**32)]
    mapped = [f"[::ffff:{address}]", f"[::FFFF:{pair}]", f"[0:0:0:0:0:ffff:{pair}]", f"[::{address}]", f"[::ffff:0:{address}]"]
    tunnels = [f"[64:ff9b::{address}]", f"[64:ff9b::{pair}]", f"[64:ff9b:1::{pair}]", f"[2002:{pair}::]", f"[2002:{pair}::1]"]
    client = f"{number ^ 0xFFFFFFFF:08x}"
    return [*dotted, *numbers, *mapped, *tunnels, f"[2001:0:101:101::{client[:4]}:{client[4:]}]"]


# Names and oddities: of this machine unless they say otherwise.
_ODD = {
    "loopback": [
        "127.0.0.2", "127.255.255.254", "localhost", "LOCALHOST", "LocalHost.", "localhost.localdomain",
        "127.0.0.1.nip.test", "0", "0x0", "00", "0.0.0.0",
        "0.0.0.0.", "[::]", "[0::0]", "[::1]", "[0:0:0:0:0:0:0:1]", "[0000::0001]", "[::1%25lo]", "[::1%lo]", "[::1%251]",
        # digits and dots of other scripts, which some readers fold into ASCII
        "\uff11\uff12\uff17.0.0.1", "127\u30020\u30020\u30021", "127\uff0e0\uff0e0\uff0e1",
        "\u2460\u2461\u2466.\u24ea.\u24ea.\u2460",
        "\u24db\u24de\u24d2\u24d0\u24db\u24d7\u24de\u24e2\u24e3", "loc\u00adalhost", "\u202elocalhost", "xn--localhost",
        "lo\u200bcalhost",
        # what looks like a user name, a host or a path to one reader and not to another
        "example.com@127.0.0.1", "public.test:80@127.0.0.1", "public.test%40127.0.0.1", "user:password@127.0.0.1", "@127.0.0.1",
        ":@localhost", "public.test\\@127.0.0.1", "public.test#@127.0.0.1", "public.test?@127.0.0.1",
        "public.test/@127.0.0.1", "127.0.0.1\\.example.com",
        "127.0.0.1%00.example.com", "127.0.0.1%2f.example.com", "127.0.0.1%23", "%31%32%37.0.0.1", "%6c%6f%63alhost",
        "127.0.0.1 .example.com", "127.0.0.1\t", "127.0.0.1;public.test", "127.0.0.1,public.test", "[127.0.0.1]",
        "[[::1]]", "[::1", "::1",
        "127..0.0.1", "127.0.0.1..", ".127.0.0.1", "[::1].", "[::1]localhost", "localhost:80", "$127.0.0.1", "{127.0.0.1}",
    ],
    "private": [
        "[fc00::1]", "[fd12:3456::1]", "[fec0::1]", "172.16.0.1", "172.31.255.254", "100.64.0.1", "198.18.0.1",
        "240.0.0.1", "[2001:db8::1]", "[4000::1]", "inner.test",
    ],
    "metadata": [
        "metadata.google.internal", "metadata.goog", "metadata", "instance-data", "169.254.169.254.nip.test", "169.254.170.2",
        "169.254.170.23", "169.254.42.42", "192.0.0.192", "169.254.0.1", "[fe80::1]", "[fe80::a9fe:a9fe%25eth0]",
        "[fd00:ec2::254]",
        "[fd00:ec2::23]", "[fd20:ce::254]", "224.0.0.1", "239.255.255.250", "[ff02::1]", "255.255.255.255", "0.1.2.3",
    ],
}  # fmt: skip

SPELLINGS = {kind: [*(word for each in _FOUR[kind] for word in _notations(each)), *_ODD[kind]] for kind in _FOUR}

# What a name leads to, where somebody else answers for it.
NAMES = {
    "localhost": ["127.0.0.1", "::1"],
    "localhost.localdomain": ["127.0.0.1"],
    "127.0.0.1.nip.test": ["127.0.0.1"],
    "inner.test": ["10.0.0.1"],
    "metadata.google.internal": ["169.254.169.254"],
    "metadata.goog": ["169.254.169.254", "fd20:ce::254"],
    "metadata": ["169.254.169.254"],
    "instance-data": ["169.254.169.254", "fd00:ec2::254"],
    "169.254.169.254.nip.test": ["169.254.169.254"],
}

# Schemes and ports: refused as they are saved, whatever the host.
NEVER = [
    "ftp://example.com/", "file:///etc/passwd", "gopher://127.0.0.1:6379/_", "dict://127.0.0.1:11211/", "ldap://127.0.0.1/",
    "unix:///var/run/docker.sock", "http+unix://%2Fvar%2Frun%2Fdocker.sock/", "ws://example.com/", "data:,x", "jar:http://a!/",
    "http://example.com:0/", "http://example.com:65536/", "http://example.com:-1/", "http://example.com:80:80/",
]  # fmt: skip
