"""The yardstick: the least that a product of this shape does, without anything that makes it one.

`uvicorn tests.benchmarks.bare:app` stores each post and one delivery, many posts a transaction.
`python -m tests.benchmarks.bare` claims in batches, posts to RECEIVER and records in batches.
No token, no limit, no check, no signature, no lease, no log.
`uvicorn tests.benchmarks.bare:hello` answers and does nothing else.
"""

import asyncio
import os
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any
from uuid import UUID

import aiohttp
import psycopg
import uvloop

from apps.common.ids import uuid7

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

TABLES = """
CREATE TABLE event (id uuid PRIMARY KEY, body bytea NOT NULL);
CREATE TABLE delivery (id uuid PRIMARY KEY, event uuid NOT NULL REFERENCES event, status smallint NOT NULL DEFAULT 0);
CREATE INDEX due ON delivery (id) WHERE status = 0;
"""
_STORE = """
WITH posts AS (SELECT * FROM unnest(%b::uuid[], %b::bytea[]) AS post(id, body)),
     stored AS (INSERT INTO event SELECT * FROM posts)
INSERT INTO delivery (id, event) SELECT id, id FROM posts
"""
_CLAIM = """
UPDATE delivery SET status = 1 FROM event
WHERE delivery.id IN (SELECT id FROM delivery WHERE status = 0 ORDER BY id LIMIT %s FOR UPDATE SKIP LOCKED)
  AND event.id = delivery.event
RETURNING delivery.id, event.body
"""
_RECORD = "UPDATE delivery SET status = 2 WHERE id = ANY(%s)"
_BATCH, _SEATS, _POLL_S = 400, 400, 0.01

_waiting: list[tuple[UUID, bytes, asyncio.Future[None]]] = []
_free: list[psycopg.AsyncConnection[Any]] = []
_tasks: set[asyncio.Task[None]] = set()


async def hello(scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] == "http":
        await _answer(receive, send)


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] == "lifespan":
        await receive()
        url = os.environ["DATABASE_URL"]
        _free.extend([await psycopg.AsyncConnection.connect(url, autocommit=True) for _ in range(2)])
        await send({"type": "lifespan.startup.complete"})
        await receive()
        return
    await _answer(receive, send, _stored)


async def _answer(receive: Receive, send: Send, work: Callable[[bytes], Awaitable[None]] | None = None) -> None:
    body, more = b"", True
    while more:
        message = await receive()
        body, more = body + message.get("body", b""), message.get("more_body", False)
    if work is not None:
        await work(body)
    await send({"type": "http.response.start", "status": 202, "headers": [(b"content-length", b"2")]})
    await send({"type": "http.response.body", "body": b"{}"})


async def _stored(body: bytes) -> None:
    future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    _waiting.append((uuid7(), body, future))
    if _free:
        task = asyncio.create_task(_flush(_free.pop()))
        _tasks.add(task)
        task.add_done_callback(_tasks.discard)
    await future


async def _flush(connection: psycopg.AsyncConnection[Any]) -> None:
    while _waiting:
        batch = _waiting[:_BATCH]
        del _waiting[:_BATCH]
        await connection.execute(_STORE, ([key for key, _, _ in batch], [body for _, body, _ in batch]))
        for _, _, future in batch:
            future.set_result(None)
    _free.append(connection)


async def work() -> None:
    receiver, in_air, done = os.environ["RECEIVER"], set[asyncio.Task[None]](), list[UUID]()
    url = os.environ["DATABASE_URL"]
    claims = await psycopg.AsyncConnection.connect(url, autocommit=True)
    records = await psycopg.AsyncConnection.connect(url, autocommit=True)
    recorder = asyncio.create_task(_record(records, done))
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:

        async def deliver(key: UUID, body: bytes) -> None:
            async with session.post(receiver, data=body) as answer:
                await answer.read()
            done.append(key)

        while not recorder.done():
            free = _SEATS - len(in_air)
            claimed = await (await claims.execute(_CLAIM, (free,))).fetchall() if free else []
            for row in claimed:
                task = asyncio.create_task(deliver(*row))
                in_air.add(task)
                task.add_done_callback(in_air.discard)
            if not claimed:
                await asyncio.sleep(_POLL_S)


async def _record(connection: psycopg.AsyncConnection[Any], done: list[UUID]) -> None:
    while True:
        if batch := done[:_BATCH]:
            del done[:_BATCH]
            await connection.execute(_RECORD, (batch,))
        else:
            await asyncio.sleep(0.002)


if __name__ == "__main__":
    uvloop.run(work())
