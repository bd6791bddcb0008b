"""A sender at an even pace, whatever the answers take (an open loop), that does as the contract says: what was not answered
is sent again under the same event id. It notes when each event was first sent and first acknowledged.
"""

import asyncio
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from multiprocessing import get_context

import aiohttp

from tests.fakes.receiver import Received


@dataclass
class Load:
    """Times in seconds of the monotonic clock."""

    answers: Counter[int] = field(default_factory=Counter)
    """status -> how often; 0: no answer."""
    took: list[float] = field(default_factory=list)
    """Of every answered request."""
    unavailable: list[float] = field(default_factory=list)
    """Of those answered 503."""
    without_retry_after: int = 0
    """503 that do not say when to come again."""
    acknowledged: dict[str, float] = field(default_factory=dict)

    def p99(self) -> float:
        return quantile(self.took, 0.99)

    def starts(self, got: Sequence[Received]) -> list[float]:
        """Seconds from each event's acknowledgement to the arrival of its first request (below 0: it was quicker)."""
        first: dict[str, float] = {}
        for request in got:
            first.setdefault(event_of(request.body), request.at)
        return [first[event] - at for event, at in self.acknowledged.items() if event in first]


def quantile(values: Sequence[float], part: float) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * part))]


def body_of(event_id: str) -> bytes:
    return b'{"id": "%s", "total": 1.10}' % event_id.encode()


def event_of(body: bytes) -> str:
    return body.split(b'"')[3].decode()


async def send_evenly(url: str, token: str, prefix: str, rate: int, seconds: float) -> Load:
    """`rate` new events a second for so long; returns when each is acknowledged."""
    load, tasks = Load(), list[asyncio.Task[None]]()
    connector, timeout = aiohttp.TCPConnector(limit=0), aiohttp.ClientTimeout(total=10)
    async with aiohttp.ClientSession(connector=connector, timeout=timeout) as session:
        began = time.monotonic()
        for number in range(int(rate * seconds)):
            await asyncio.sleep(began + number / rate - time.monotonic())
            tasks.append(asyncio.create_task(_insist(session, url, token, f"{prefix}-{number}", load)))
        await asyncio.gather(*tasks)
    return load


@contextmanager
def sending_beside(url: str, token: str, prefix: str, rate: int, seconds: float) -> Iterator["Future[Load]"]:
    """The same from a process of its own: what is measured is the product, not the test."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        yield pool.submit(_send_here, url, token, prefix, rate, seconds)


def _send_here(url: str, token: str, prefix: str, rate: int, seconds: float) -> Load:
    return asyncio.run(send_evenly(url, token, prefix, rate, seconds))


async def _insist(session: aiohttp.ClientSession, url: str, token: str, event_id: str, load: Load) -> None:
    headers = {"CL-X-TOKEN": token, "CL-X-EVENT-ID": event_id, "Content-Type": "application/json"}
    while True:
        began, status = time.monotonic(), 0
        try:
            async with session.post(f"{url}/server/incoming_data", data=body_of(event_id), headers=headers) as answer:
                await answer.read()
                status = answer.status
                load.without_retry_after += status == 503 and "Retry-After" not in answer.headers
        except (aiohttp.ClientError, TimeoutError):
            pass
        load.answers[status] += 1
        if status:
            load.took.append(time.monotonic() - began)
        if status == 503:
            load.unavailable.append(time.monotonic() - began)
        if status in {200, 202}:
            load.acknowledged[event_id] = time.monotonic()
            return
        await asyncio.sleep(0.2)
