"""A real HTTP receiver on a loopback port, in a thread of its own. It keeps what it got and answers as it is told."""

import asyncio
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field

from aiohttp import web


@dataclass(frozen=True)
class Received:
    method: str
    target: str
    """The request target as it came, with its query."""
    headers: tuple[tuple[str, str], ...]
    body: bytes
    at: float = field(default_factory=time.monotonic, compare=False)
    """When it was read, by the monotonic clock."""
    port: int = field(default=0, compare=False)
    """Of the sender, at 127.0.0.1."""

    def header(self, name: str) -> str:
        return next((value for own, value in self.headers if own.lower() == name.lower()), "")


@dataclass(frozen=True)
class Reply:
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b"ok"
    delay_s: float = 0.0
    drip_s: float = 0.0
    """For so long a byte a second follows the head, in place of the body."""
    after: threading.Event | None = None
    """Not before that is set."""


Answer = Callable[[Received], Reply]


async def end_all() -> None:
    """Of this loop: those that hang as they were told."""
    left = asyncio.all_tasks() - {asyncio.current_task()}
    for task in left:
        task.cancel()
    await asyncio.gather(*left, return_exceptions=True)


class Receiver:
    """`with Receiver() as receiver:` then `receiver.url`, `receiver.got`; `receiver.answer` may be replaced at any time."""

    def __init__(self, answer: Answer = lambda _: Reply(), host: str = "127.0.0.1", port: int = 0) -> None:
        self.answer, self._where = answer, (host, port)
        self.got: list[Received] = []
        self.url = ""
        self._loop = asyncio.new_event_loop()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> "Receiver":
        self._thread.start()
        assert self._ready.wait(60)
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)

    def ids(self) -> list[str]:
        """The webhook-id of each request, in order of arrival."""
        return [request.header("webhook-id") for request in self.got]

    def _run(self) -> None:
        runner = self._loop.run_until_complete(self._start())
        self._ready.set()
        self._loop.run_forever()
        self._loop.run_until_complete(self._end(runner))
        self._loop.close()

    async def _end(self, runner: web.ServerRunner) -> None:
        await runner.cleanup()
        await end_all()

    async def _start(self) -> web.ServerRunner:
        runner = web.ServerRunner(web.Server(self._handle, access_log=None), shutdown_timeout=0.1)
        await runner.setup()
        await web.TCPSite(runner, *self._where).start()
        host, port = runner.addresses[0][:2]
        self.url = f"http://{host}:{port}/hook"
        return runner

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        headers = tuple((name.decode(), value.decode("latin-1")) for name, value in request.raw_headers)
        peer = request.transport.get_extra_info("peername") if request.transport else None
        port = int(peer[1]) if peer else 0
        received = Received(request.method, request.raw_path, headers, await request.read(), port=port)
        self.got.append(received)
        reply = self.answer(received)
        await asyncio.sleep(reply.delay_s)
        while reply.after and not reply.after.is_set():  # noqa: ASYNC110  (it is set in another thread)
            await asyncio.sleep(0.02)
        if reply.drip_s:
            return await _drip(request, reply)
        return web.Response(status=reply.status, headers=reply.headers, body=reply.body)


async def _drip(request: web.BaseRequest, reply: Reply) -> web.StreamResponse:
    response = web.StreamResponse(status=reply.status, headers=reply.headers)
    await response.prepare(request)
    with suppress(ConnectionError):
        for _ in range(int(reply.drip_s)):
            await response.write(b".")
            await asyncio.sleep(1)
    return response
