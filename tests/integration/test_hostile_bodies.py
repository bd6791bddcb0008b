"""Check 16: hostile bodies get their own sender's error and nobody else's; what is taken arrives byte for byte."""

import asyncio
import hashlib
import random
import socket
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import psutil
import pytest

from tests.fakes.receiver import Receiver
from tests.integration.figures import Figures
from tests.integration.product import Embedded, Prepared, Product, Servers
from tests.integration.waiting import OPEN, wait_until
from tests.unit.test_strict import REFUSED, TAKEN

pytestmark = [pytest.mark.integration, pytest.mark.timeout(600)]

KINDS = [
    pytest.param(Embedded, "serve", marks=pytest.mark.embedded, id="embedded"),
    pytest.param(Servers, "web", marks=pytest.mark.postgres, id="servers"),
]
HEADERS = [
    {"Content-Type": "text/plain"},
    {"Content-Type": "application/json; charset=latin-1"},
    {"Content-Type": "application/json", "Content-Encoding": "gzip"},
]
MIB = 1024 * 1024


def head(prepared: Prepared, event_id: str) -> dict[str, str]:
    return {"CL-X-TOKEN": prepared.token, "CL-X-EVENT-ID": event_id, "Content-Type": "application/json"}


async def chunks(body: bytes) -> AsyncIterator[bytes]:
    for start in range(0, len(body), 7000):
        yield body[start : start + 7000]


async def send(url: str, headers: dict[str, str], body: bytes, *, chunked: bool) -> int:
    async with aiohttp.ClientSession() as session:
        content = chunks(body) if chunked else body
        async with session.post(f"{url}/server/incoming_data", data=content, headers=headers) as answer:
            return answer.status


async def send_zoo(product: Product, prepared: Prepared, noise: list[bytes]) -> Counter[tuple[str, int]]:
    answers: Counter[tuple[str, int]] = Counter()
    bodies = [("taken", body) for body in TAKEN.values()] + [("refused", body) for body in [*REFUSED.values(), *noise]]
    for number, (kind, body) in enumerate(bodies):
        for chunked in (False, True):
            headers = head(prepared, f"zoo-{number}-{chunked}")
            answers[kind, await send(product.url, headers, body, chunked=chunked)] += 1
    for headers in HEADERS:
        answers["refused", await send(product.url, head(prepared, "header") | headers, b"{}", chunked=False)] += 1
    return answers


@pytest.mark.parametrize(("kind", "process"), KINDS)
def test_the_sender_gets_the_error_and_what_is_taken_arrives(
    tmp_path: Path, kind: type[Product], process: str, full: bool, figures: Figures
) -> None:
    noise = [random.randbytes(random.randrange(1, 3000)) for _ in range(1000 if full else 50)]
    with Receiver() as receiver, kind(tmp_path) as product:
        answers = asyncio.run(send_zoo(product, product.prepare(receiver.url), noise))
        wait_until(lambda: product.sql(OPEN)[0][0] == 0)
    figures.show("answers", dict(answers))
    assert set(answers) == {("taken", 202), ("refused", 400)}
    sent, got = Counter(map(digest, TAKEN.values())), Counter(digest(request.body) for request in receiver.got)
    assert got == Counter({each: 2 * number for each, number in sent.items()})


def digest(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()


def pour(product: Product, prepared: Prepared, mebibytes: int, *, chunked: bool) -> bytes:
    """Sends zeros, whatever the other side says; the first line of its answer."""
    lines = [f"{name}: {value}" for name, value in head(prepared, "huge").items()]
    lines.append("Transfer-Encoding: chunked" if chunked else f"Content-Length: {mebibytes * MIB}")
    with socket.create_connection(("127.0.0.1", product.port), timeout=30) as sender:
        sender.sendall("\r\n".join(["POST /server/incoming_data HTTP/1.1", "Host: 127.0.0.1", *lines, "", ""]).encode())
        part = b"%x\r\n%b\r\n" % (MIB, bytes(MIB)) if chunked else bytes(MIB)
        try:
            for _ in range(mebibytes):
                sender.sendall(part)
            sender.sendall(b"0\r\n\r\n" if chunked else b"")
        except OSError:
            pass  # it has answered and closed
        try:
            return sender.recv(100).partition(b"\r\n")[0]
        except OSError:
            return b""


@pytest.mark.parametrize(("kind", "process"), KINDS)
def test_300_mb_cost_no_memory(tmp_path: Path, kind: type[Product], process: str, full: bool, figures: Figures) -> None:
    size = 300 if full else 60
    with kind(tmp_path) as product:
        prepared = product.prepare()
        pour(product, prepared, 2, chunked=False)  # what is loaded at the first request
        memory = psutil.Process(product.processes[process].pid)
        before = memory.memory_info().rss
        answers = [pour(product, prepared, size, chunked=chunked) for chunked in (False, True)]
        grown = (memory.memory_info().rss - before) / MIB
        after = asyncio.run(send(product.url, head(prepared, "after"), b"{}", chunked=False))
    figures.show("answers", [answer.decode() for answer in answers])
    figures.at_most("memory, MiB", grown, 16)
    assert {answer.split(b" ")[1] if answer else b"closed" for answer in answers} <= {b"413", b"closed"}
    assert after == 202
