"""Everything in one process: Daphne and the worker on one event loop. What `make run` starts."""

import asyncio
import fcntl
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

from channels.routing import get_default_application
from django.conf import settings
from django.core.management import BaseCommand
from django.db import connection

from apps.common.connections import Connections, most
from apps.common.lanes import close_lanes
from apps.deliveries import bodies, callers, worker
from apps.deliveries.claims import release_all
from apps.deliveries.doorbell import CHANNEL
from apps.deliveries.startup import StartError

# Seconds between two questions whether a browser is there, and for its answer: a reader that stands still is let go in 35.
_PING_S = 14


class Command(BaseCommand):
    help = "Serves everything in one process on HOST and PORT: web, live sockets and the worker."

    def handle(self, *args: Any, **options: Any) -> None:
        # daphne.server installs its own event loop when it is imported, before anything may make another.
        from daphne.endpoints import build_endpoint_description_strings  # noqa: PLC0415
        from daphne.http_protocol import WebRequest  # noqa: PLC0415
        from daphne.server import Server  # noqa: PLC0415
        from twisted.internet import defer, reactor  # noqa: PLC0415
        from twisted.web.http import HTTPChannel  # noqa: PLC0415

        def drain() -> defer.Deferred[None]:
            worker.end_by_all_means()
            return defer.Deferred.fromFuture(asyncio.ensure_future(worker.stop()))

        bodies.bound(WebRequest)
        callers.guard(WebRequest)
        callers.bound(HTTPChannel, Connections(most()))
        _check_port()
        endpoints = build_endpoint_description_strings(host=settings.HOST, port=settings.PORT)
        with _alone() as alone:
            application = get_default_application()
            if alone and (orphans := release_all()):
                self.stdout.write(f"{orphans} deliveries were in the air when the last run ended; they go out again.")
            server = Server(
                application=application,
                endpoints=list(map(callers.with_backlog, endpoints)),
                server_name="",
                ready_callable=lambda: self._ready(application),
                verbosity=0,
                ping_interval=_PING_S,
                ping_timeout=_PING_S,
            )
            cast(Any, reactor).addSystemEventTrigger("before", "shutdown", drain)
            server.run()
            close_lanes()
            self.stdout.write("\nStopped. What was accepted and not yet delivered goes out at the next start.")

    def _ready(self, application: Any) -> None:
        """The event loop that will run is set: gives it the worker, says where to go next."""
        self._worker = asyncio.get_event_loop().create_task(_work(application))
        self.stdout.write(_welcome())


async def _work(application: Any) -> None:
    worker.start()
    await worker.listen(application, CHANNEL)


def _welcome() -> str:
    lines = [
        "",
        f"  Data Pusher is running on {settings.PUBLIC_URL}",
        "  1. Open it, sign up with any e-mail address, create an account and a destination.",
        "  2. Or, in another terminal, `make demo` fills it with life. Ctrl-C stops.",
        "",
    ]
    if settings.ACCOUNT_EMAIL_VERIFICATION == "none":
        lines.append("  EMAIL_URL is not set: e-mail addresses count as verified.")
    if networks := ", ".join(map(str, settings.DESTINATION_ALLOWED_NETWORKS)):
        lines.append(f"  Destinations may be public addresses and {networks} (DESTINATION_ALLOWED_NETWORKS).")
    return "\n".join([*lines, ""])


def _check_port() -> None:
    """A port in use is one line, not a server without an ear."""
    with socket.socket(socket.AF_INET6 if ":" in settings.HOST else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((settings.HOST, settings.PORT))
        except OSError as error:
            raise StartError(f"PORT: {settings.HOST}:{settings.PORT} cannot be used: {error.strerror}") from None


@contextmanager
def _alone() -> Iterator[bool]:
    """True while this process alone works on the SQLite file: then every lease in it is a dead process's."""
    if connection.vendor != "sqlite":
        yield False
        return
    lock = Path(settings.DATABASES["default"]["NAME"]).with_suffix(".lock")
    with lock.open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise StartError(f"{lock}: another `serve` works on this database") from None
        yield True
