"""Hostile receivers, each on a loopback port of its own: `with Zoo() as zoo:` then `zoo.urls`, by name."""

import asyncio
import gzip
import socket
import ssl
import struct
import threading
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TypeAlias

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from tests.fakes.receiver import end_all

Reader: TypeAlias = asyncio.StreamReader
Writer: TypeAlias = asyncio.StreamWriter
Beast = Callable[[Reader, Writer], Awaitable[None]]

OK, NO = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", b"HTTP/1.1 500 No\r\nContent-Length: 2\r\n\r\nno"
_HEAD = b"HTTP/1.1 200 OK\r\n"
_CHUNKED = _HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
# What is said at once; the connection then stays open until the sender has had enough.
SAID = {
    "two lengths": _HEAD + b"Content-Length: 2\r\nContent-Length: 9\r\n\r\nokHTTP/1.1 200 OK\r\n\r\n",
    "length in a list": _HEAD + b"Content-Length: 2, 9\r\n\r\nok",
    "length and chunked": _HEAD + b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + OK,
    "unknown coding": _HEAD + b"Transfer-Encoding: chunked, cow\r\n\r\n2\r\nok\r\n0\r\n\r\n",
    "negative length": _HEAD + b"Content-Length: -1\r\n\r\n",
    "length of an age": _HEAD + b"Content-Length: 99999999999999999999999\r\n\r\n",
    "length that is not kept": _HEAD + b"Content-Length: 4294967296\r\n\r\nok",
    "chunk of an age": _CHUNKED + b"fffffffffffffffffff\r\nok",
    "chunk that is none": _CHUNKED + b"-2\r\nok\r\n0\r\n\r\n",
    "bare line feeds": b"HTTP/1.1 200 OK\nContent-Length: 2\n\nok",
    "folded header": _HEAD + b"X-A: 1\r\n  2\r\nContent-Length: 2\r\n\r\nok",
    "space before the colon": _HEAD + b"Content-Length : 2\r\n\r\nok",
    "nul in a header": _HEAD + b"X-A: a\0b\r\nContent-Length: 2\r\n\r\nok",
    "huge status line": b"HTTP/1.1 200 " + b"O" * 1_000_000 + b"K\r\n\r\n",
    "huge header": _HEAD + b"X-A: " + b"a" * 1_000_000 + b"\r\n\r\n",
    "huge header name": _HEAD + b"X" * 1_000_000 + b": a\r\n\r\n",
    "10,000 headers": _HEAD + b"".join(b"X-%d: a\r\n" % number for number in range(10_000)) + b"Content-Length: 0\r\n\r\n",
    "100 large headers": _HEAD + (b"X-A: " + b"a" * 8000 + b"\r\n") * 100 + b"Content-Length: 0\r\n\r\n",
    "100 cookies": _HEAD + b"Set-Cookie: a=b\r\n" * 100 + b"Content-Length: 0\r\n\r\n",
    "status 0": b"HTTP/1.1 000 No\r\nContent-Length: 0\r\n\r\n",
    "status 99999": b"HTTP/1.1 99999 No\r\nContent-Length: 0\r\n\r\n",
    "version 9.9": b"HTTP/9.9 200 OK\r\nContent-Length: 2\r\n\r\nok",
    "http/0.9": b"<html>ok</html>\r\n\r\n",
    "http/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00",
    "other protocols": b"HTTP/1.1 101 Go\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n\x81\x02ok",
    "redirects to itself": b"HTTP/1.1 307 Go\r\nLocation: /\r\nContent-Length: 0\r\n\r\n",
    "no bytes but zeros": bytes(100),
    "an answer more": NO + OK,
    "cut head": b"HTTP/1.1 200 O",
    "cut body": _HEAD + b"Content-Length: 100\r\n\r\nha",
    "nothing": b"",
}
# What is said again and again, as quickly as it is read: a beginning, and what follows without an end.
ENDLESS = {
    "endless body": (_HEAD + b"\r\n", b"x" * 65_536),
    "endless chunks": (_CHUNKED, b"1\r\nx\r\n" * 10_000),
    "endless chunk head": (_CHUNKED + b"2;", b"x" * 65_536),
    "endless trailers": (_CHUNKED + b"0\r\n", b"X-A: a\r\n" * 8_000),
    "endless headers": (_HEAD, b"X-A: a\r\n" * 8_000),
    "endless header": (_HEAD + b"X-A: ", b"a" * 65_536),
    "endless status line": (b"HTTP/1.1 200 ", b"O" * 65_536),
    "endless promises": (b"", b"HTTP/1.1 103 Early Hints\r\n\r\n" * 2_000),
    "endless answers": (NO, OK * 2_000),
}
# What is said a byte at a time, a second apart.
SLOW = {"slow head": _HEAD, "slow body": b"", "slow promises": b"HTTP/1.1 103 Early Hints\r\n\r\n" * 10}
CUT = {"cut head", "cut body", "nothing"}


# 60 MB of zeros as brotli packs them.
_BROTLI = bytes.fromhex(
    "cbffff3f002000e2b14072effff8ffff070004401c1680eefd1fffffff00800088c302d0bdffe3ffff1f001000715800baf77ffcffff03000220"
    "0e0b40f7fe8fffff7f004000c46101e8defff1ffff0f000880382c00ddfbbffc379c000001108705a0eb3701"
)


async def _say(writer: Writer, raw: bytes) -> None:
    writer.write(raw)
    await writer.drain()


def _says(raw: bytes, *, cut: bool) -> Beast:
    async def beast(reader: Reader, writer: Writer) -> None:
        await reader.readuntil(b"\r\n\r\n")
        await _say(writer, raw)
        while not cut and await reader.read(65_536):
            pass

    return beast


def _packs(coding: str) -> Beast:
    async def beast(reader: Reader, writer: Writer) -> None:
        await reader.readuntil(b"\r\n\r\n")
        bomb = _BROTLI if coding == "br" else _bomb(coding)
        await _say(writer, _HEAD + b"Content-Encoding: %s\r\nContent-Length: %d\r\n\r\n" % (coding.encode(), len(bomb)))
        await _say(writer, bomb)

    return beast


@cache
def _bomb(coding: str) -> bytes:
    packed = gzip.compress(bytes(60_000_000), 1)
    return packed if coding == "gzip" else packed[10:-8]


def _never_ends(beginning: bytes, again: bytes) -> Beast:
    async def beast(reader: Reader, writer: Writer) -> None:
        await reader.readuntil(b"\r\n\r\n")
        await _say(writer, beginning)
        while True:
            await _say(writer, again)
            await asyncio.sleep(0)

    return beast


def _drips(raw: bytes) -> Beast:
    async def beast(reader: Reader, writer: Writer) -> None:
        await reader.readuntil(b"\r\n\r\n")
        if not raw:
            await _say(writer, _HEAD + b"Content-Length: 60\r\n\r\n")
        for byte in raw or bytes(60):
            await _say(writer, bytes([byte]))
            await asyncio.sleep(1)

    return beast


async def _closes_at_once(_: Reader, writer: Writer) -> None:
    writer.close()


async def _resets_at_once(_: Reader, writer: Writer) -> None:
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.close()


async def _never_answers(reader: Reader, _: Writer) -> None:
    await reader.read()


async def _never_reads(*_: object) -> None:
    await asyncio.sleep(60)  # asyncio itself takes 128 KiB, and no more


async def _speaks_first(reader: Reader, writer: Writer) -> None:
    await _say(writer, b"220 mail.example ESMTP\r\n" + OK)
    await reader.read()


async def _says_more_later(reader: Reader, writer: Writer) -> None:
    """Once a request is answered: an answer to one that was not asked yet."""
    with suppress(asyncio.IncompleteReadError):
        while True:
            await reader.readuntil(b"\r\n\r\n")
            await _say(writer, NO)
            await asyncio.sleep(0.05)
            await _say(writer, OK)


async def _garbles_tls(reader: Reader, writer: Writer) -> None:
    await reader.read(5)
    await _say(writer, b"\x16\x03\x03\x00\x05\x02\x00\x00\x01\x00" + bytes(1000))
    await reader.read()


async def _answers(_: Reader, writer: Writer) -> None:
    await _say(writer, OK)


ODD: dict[str, Beast] = {
    "closes at once": _closes_at_once,
    "resets at once": _resets_at_once,
    "never answers": _never_answers,
    "never reads": _never_reads,
    "speaks first": _speaks_first,
    "says more later": _says_more_later,
}
# Asked over https: without a certificate, with one that nobody vouches for, or with one that has ended.
TLS: dict[str, tuple[Beast, float | None]] = {
    "tls that stalls": (_never_answers, None),
    "tls that is none": (_answers, None),
    "tls garbled": (_garbles_tls, None),
    "tls of nobody": (_answers, 1.0),
    "tls that has ended": (_answers, -1.0),
}
BEASTS: dict[str, Beast] = {
    **{f"{coding} bomb": _packs(coding) for coding in ("gzip", "deflate", "br")},
    **{name: _says(raw, cut=name in CUT) for name, raw in SAID.items()},
    **{name: _never_ends(*parts) for name, parts in ENDLESS.items()},
    **{name: _drips(raw) for name, raw in SLOW.items()},
    **ODD,
}


class Zoo:
    def __init__(self) -> None:
        self.urls: dict[str, str] = {}
        self._loop, self._ready = asyncio.new_event_loop(), threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> "Zoo":
        self._thread.start()
        assert self._ready.wait(20)
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)

    def _run(self) -> None:
        self._loop.run_until_complete(self._open())
        self._ready.set()
        self._loop.run_forever()
        self._loop.run_until_complete(end_all())
        self._loop.close()

    async def _open(self) -> None:
        for name, beast in BEASTS.items():
            self.urls[name] = f"http://{await _listen(beast, None)}/"
        for name, (beast, days) in TLS.items():
            self.urls[name] = f"https://{await _listen(beast, None if days is None else _context(days))}/"


async def _listen(beast: Beast, context: ssl.SSLContext | None) -> str:
    async def handle(reader: Reader, writer: Writer) -> None:
        try:
            await beast(reader, writer)
        except (OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            pass  # the sender has had enough
        finally:
            writer.close()

    server = await asyncio.start_server(handle, "127.0.0.1", 0, ssl=context, backlog=500)
    host, port = server.sockets[0].getsockname()
    return f"{host}:{port}"


def _context(days: float) -> ssl.SSLContext:
    """Of a certificate that we made ourselves, and that ends in so many days."""
    key, name = ec.generate_private_key(ec.SECP256R1()), x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    ends = datetime.now(UTC) + timedelta(days=days)
    builder = x509.CertificateBuilder(name, name, key.public_key(), 1, ends - timedelta(days=9), ends)
    pem = builder.sign(key, hashes.SHA256()).public_bytes(Encoding.PEM)
    pem += key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with TemporaryDirectory() as directory:
        (Path(directory) / "pem").write_bytes(pem)
        context.load_cert_chain(Path(directory) / "pem")
    return context
