"""A sender, and how an asynchronous test meets the database."""

import asyncio
from collections.abc import Callable
from functools import partial
from typing import ParamSpec, TypeVar

from apps.common.lanes import lane
from apps.ingest.services import Answer, Incoming, accept

P = ParamSpec("P")
T = TypeVar("T")


async def in_db(work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Runs it in a thread whose connection ends with the test."""
    return await lane("read").run(partial(work, *args, **kwargs))


async def until(condition: Callable[[], object]) -> None:
    """Waits for what must come to be, in the database or elsewhere; fails after 15 s."""
    async with asyncio.timeout(15):
        while not await in_db(condition):  # noqa: ASYNC110  (it may be a row, which sets no event)
            await asyncio.sleep(0.02)


async def post(token: str, event_id: str, body: bytes, **headers: str) -> Answer:
    """Posts as JSON; `headers` by their names with underscores, to add to or replace what is sent."""
    sent = {"cl-x-token": token, "cl-x-event-id": event_id, "content-type": "application/json"}

    async def read() -> bytes:
        return body

    return await accept(Incoming("POST", sent | {name.replace("_", "-"): value for name, value in headers.items()}, read))
