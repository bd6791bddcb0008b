"""The product as its operator runs it: real processes, real sockets, real `kill -9`."""

import json
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import time
import urllib.request
from base64 import urlsafe_b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import psycopg

from tests.services import Postgres, Valkey

ROOT = Path(__file__).parents[2]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass(frozen=True)
class Prepared:
    account_id: str
    token: str
    session: str
    """The session key of its Admin."""


class Product:
    """Processes by name; a name is the command that starts it. `with` ends them all."""

    COMMANDS: dict[str, list[str]] = {}

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        self.environment = os.environ | {
            "DJANGO_SETTINGS_MODULE": "tests.integration.settings",
            "TEST_DIRECTORY": str(directory),
            "DATABASE_URL": "",
            "REDIS_URL": "",
            "PORT": str(self.port),
            "INGEST_RATE": "100000/second",
            "DESTINATION_ALLOWED_NETWORKS": "127.0.0.0/8",
            "SECRET_KEY": "x" * 50,
            "FIELD_ENCRYPTION_KEYS": urlsafe_b64encode(bytes(32)).decode(),
        }

    def __enter__(self) -> Self:
        self.run("manage.py", "migrate", "--verbosity", "0")
        for name in self.COMMANDS:
            self.start(name)
        self.wait()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        for name in self.processes:
            self.end(name, signal.SIGTERM)
        if error is not None:
            for log in self.directory.glob("*.log"):
                sys.stdout.write(f"--- {log.name}\n{log.read_text(errors='replace')[-4000:]}\n")

    def run(self, *arguments: str) -> str:
        done = subprocess.run(
            [sys.executable, *arguments], cwd=ROOT, env=self.environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def start(self, name: str) -> None:
        command = [part.format(port=self.port) for part in self.COMMANDS[name]]
        with (self.directory / f"{name}.log").open("ab") as log:
            self.processes[name] = subprocess.Popen(command, cwd=ROOT, env=self.environment, stdout=log, stderr=log)

    def end(self, name: str, how: signal.Signals) -> int:
        process = self.processes[name]
        if process.poll() is None:
            process.send_signal(how)
        return process.wait(60)

    def kill(self, name: str) -> None:
        """kill -9, and a new start."""
        self.end(name, signal.SIGKILL)
        self.start(name)

    def wait(self) -> None:
        """Until it answers."""
        end = time.monotonic() + 60
        while True:
            try:
                urllib.request.urlopen(self.url, timeout=5).close()
                return
            except OSError:
                assert time.monotonic() < end, f"no answer at {self.url}"
                time.sleep(0.1)

    def prepare(self, *destinations: str) -> Prepared:
        """An account with a destination for each URL."""
        return Prepared(**json.loads(self.run("-m", "tests.integration.prepare", "account", *destinations)))

    def delete(self, account_id: str) -> None:
        self.run("-m", "tests.integration.prepare", "delete", account_id)

    def sql(self, query: str) -> Sequence[tuple[Any, ...]]:
        with sqlite3.connect(self.directory / "datapusher.sqlite3", timeout=30) as connection:
            return connection.execute(query).fetchall()

    def logged(self) -> str:
        return "".join(log.read_text(errors="replace") for log in self.directory.glob("*.log"))


class Embedded(Product):
    """`make run`: everything in one process, on SQLite."""

    COMMANDS = {"serve": [sys.executable, "manage.py", "serve"]}


class Servers(Product):
    """The Procfile's web and two workers, on PostgreSQL and Valkey."""

    COMMANDS = {
        "web": [sys.executable, "-m", "uvicorn", "datapusher.asgi:application", "--port", "{port}", "--no-access-log"],
        "worker-1": [sys.executable, "manage.py", "runworker"],
        "worker-2": [sys.executable, "manage.py", "runworker"],
    }

    def __init__(self, directory: Path) -> None:
        super().__init__(directory)
        self.postgres = Postgres()
        self.valkey = Valkey()

    def __enter__(self) -> Self:
        self.postgres.start()
        self.valkey.start()
        self.environment |= {"DATABASE_URL": self.postgres.url, "REDIS_URL": self.valkey.url}
        return super().__enter__()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        super().__exit__(kind, error, trace)
        self.valkey.close()
        self.postgres.close()

    def kill(self, name: str) -> None:
        if name in self.processes:
            super().kill(name)
            return
        server = {"postgres": self.postgres, "valkey": self.valkey}[name]
        server.kill()
        server.start()

    def sql(self, query: str) -> Sequence[tuple[Any, ...]]:
        with psycopg.connect(self.postgres.url) as connection:
            return connection.execute(query.encode()).fetchall()
