"""A real HTTP receiver on a loopback port, in a thread of its own. It keeps what it got and answers as it is told."""

import asyncio
import threading
from collections.abc import Callable
from dataclasses import dataclass, field

from aiohttp import web


@dataclass(frozen=True)
class Received:
    method: str
    target: str
    """The request target as it came, with its query."""
    headers: tuple[tuple[str, str], ...]
    body: bytes

    def header(self, name: str) -> str:
        return next((value for own, value in self.headers if own.lower() == name.lower()), "")


@dataclass(frozen=True)
class Reply:
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b"ok"
    delay_s: float = 0.0


Answer = Callable[[Received], Reply]


class Receiver:
    """`with Receiver() as receiver:` then `receiver.url`, `receiver.got`; `receiver.answer` may be replaced at any time."""

    def __init__(self, answer: Answer = lambda _: Reply()) -> None:
        self.answer = answer
        self.got: list[Received] = []
        self.url = ""
        self._loop = asyncio.new_event_loop()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> "Receiver":
        self._thread.start()
        self._ready.wait(10)
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
        self._loop.run_until_complete(runner.cleanup())
        self._loop.close()

    async def _start(self) -> web.ServerRunner:
        runner = web.ServerRunner(web.Server(self._handle, access_log=None), shutdown_timeout=0.1)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        host, port = runner.addresses[0][:2]
        self.url = f"http://{host}:{port}/hook"
        return runner

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        headers = tuple((name.decode(), value.decode("latin-1")) for name, value in request.raw_headers)
        received = Received(request.method, request.raw_path, headers, await request.read())
        self.got.append(received)
        reply = self.answer(received)
        await asyncio.sleep(reply.delay_s)
        return web.Response(status=reply.status, headers=reply.headers, body=reply.body)
