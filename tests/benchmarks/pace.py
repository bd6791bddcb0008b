"""So many posts a second, answered or not: how long an answer takes, and how long until the receiver has the first byte."""

import asyncio
import re
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import uvloop

_LENGTH = re.compile(rb"content-length: (\d+)", re.IGNORECASE)
_NUMBER = re.compile(rb'"number":(\d+)')
_ANSWER = b"HTTP/1.1 204 No Content\r\n\r\n"
_REST_S = 20.0  # until what is still on its way counts as lost


@dataclass(frozen=True)
class Paced:
    """Milliseconds, from when each post was due."""

    rate: float
    answers: Sequence[float]
    arrivals: Sequence[float]
    refused: int
    lost: int


def percentile(values: Sequence[float], percent: float) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * percent / 100))] if ordered else float("nan")


@dataclass
class _Seen:
    due: list[float] = field(default_factory=list)
    answers: dict[int, float] = field(default_factory=dict)
    arrivals: dict[int, float] = field(default_factory=dict)
    refused: int = 0


class _Receiver(asyncio.Protocol):
    def __init__(self, seen: _Seen) -> None:
        self._seen, self._buffer, self._began = seen, b"", 0.0

    def connection_made(self, transport: Any) -> None:
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._began = self._began if self._buffer else time.monotonic()
        self._buffer += data
        while (end := self._buffer.find(b"\r\n\r\n")) >= 0:
            length = _LENGTH.search(self._buffer, 0, end)
            whole = end + 4 + (int(length[1]) if length else 0)
            if len(self._buffer) < whole:
                return
            if number := _NUMBER.search(self._buffer, end, whole):
                self._seen.arrivals.setdefault(int(number[1]), self._began)
            self._buffer, self._began = self._buffer[whole:], time.monotonic()
            self._transport.write(_ANSWER)


class _Sender:
    """Keeps its connections; opens one more when all are busy."""

    def __init__(self, port: int, path: str, tokens: Sequence[str], run: str, seen: _Seen) -> None:
        self._port, self._path, self._tokens, self._run, self._seen = port, path, tokens, run, seen
        self._free: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = []

    async def post(self, number: int) -> None:
        body = f'{{"number":{number},"kind":"order.paid","total":149.90,"note":"{"x" * (240 + number * 37 % 200)}"}}'
        head = f"POST {self._path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: {len(body)}"
        own = f"CL-X-TOKEN: {self._tokens[number % len(self._tokens)]}\r\nCL-X-EVENT-ID: {self._run}-{number}"
        message = f"{head}\r\n{own}\r\n\r\n{body}".encode()
        try:
            answer = await self._exchange(message, kept=True)
        except (ConnectionError, EOFError):  # the server closed what it had kept for too long: the same post again is safe
            answer = await self._exchange(message, kept=False)
        self._seen.answers[number] = time.monotonic()
        self._seen.refused += b" 20" not in answer.partition(b"\r\n")[0]

    async def _exchange(self, message: bytes, *, kept: bool) -> bytes:
        """The head of the answer."""
        reader, writer = self._free.pop() if kept and self._free else await asyncio.open_connection("127.0.0.1", self._port)
        writer.write(message)
        answer = await reader.readuntil(b"\r\n\r\n")
        length = _LENGTH.search(answer)
        await reader.readexactly(int(length[1]) if length else 0)
        self._free.append((reader, writer))
        return answer


async def _run(rate: float, seconds: float, sender: _Sender, seen: _Seen, receiver_port: int) -> None:
    server = await asyncio.get_running_loop().create_server(lambda: _Receiver(seen), "127.0.0.1", receiver_port)
    began, posts = time.monotonic(), set[asyncio.Task[None]]()
    for number in range(int(rate * seconds)):
        due = began + number / rate
        if (wait := due - time.monotonic()) > 0:
            await asyncio.sleep(wait)
        seen.due.append(due)
        task = asyncio.create_task(sender.post(number))
        posts.add(task)
        task.add_done_callback(posts.discard)
    end = time.monotonic() + _REST_S
    with suppress(TimeoutError):
        async with asyncio.timeout(_REST_S):
            await asyncio.gather(*posts)
    for _ in range(int((end - time.monotonic()) * 10)):
        if len(seen.arrivals) >= len(seen.due):
            break
        await asyncio.sleep(0.1)
    server.close()


def paced(port: int, path: str, tokens: Path, run: str, receiver_port: int, *, rate: float, seconds: float) -> Paced:
    """The first second is left out: connections are made in it."""
    seen = _Seen()
    sender = _Sender(port, path, tokens.read_text().split(), run, seen)
    uvloop.run(_run(rate, seconds + 1, sender, seen, receiver_port))
    first = int(rate)

    def took(ends: dict[int, float]) -> list[float]:
        return [(end - seen.due[number]) * 1000 for number, end in ends.items() if number >= first]

    lost = len(seen.due) - seen.refused - len(seen.arrivals)
    return Paced(rate, took(seen.answers), took(seen.arrivals), seen.refused, lost)
