"""The product as its operator runs it: real processes, real sockets, real `kill -9`."""

import atexit
import json
import os
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time
import urllib.request
from base64 import urlsafe_b64encode
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import psutil
import psycopg

from tests.services import Postgres, Valkey

ROOT = Path(__file__).parents[2]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@cache
def _migrated() -> Path:
    """Where the first test of a run leaves its migrated database for the others."""
    directory = Path(tempfile.mkdtemp(prefix="migrated-"))
    atexit.register(shutil.rmtree, directory, ignore_errors=True)
    return directory


@dataclass(frozen=True)
class Prepared:
    account_id: str
    token: str
    session: str
    """The session key of its Admin, or of another member."""


class Product:
    """Processes by name; a name is the command that starts it. `with` ends them all."""

    COMMANDS: dict[str, list[str]] = {}
    root = ROOT
    """Where its code is."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        self._preparing: subprocess.Popen[str] | None = None
        self.environment = os.environ | {
            "DJANGO_SETTINGS_MODULE": "tests.integration.settings",
            "TEST_DIRECTORY": str(directory),
            "DATABASE_URL": "",
            "REDIS_URL": "",
            "PORT": str(self.port),
            "INGEST_RATE": "100000/second",
            "DESTINATION_ALLOWED_NETWORKS": "127.0.0.0/8",
            "SECRET_KEY": "only-for-tests-0123456789-abcdefghijklmnopqrstuvwxyz",
            "FIELD_ENCRYPTION_KEYS": urlsafe_b64encode(bytes(32)).decode(),
        }

    def __enter__(self) -> Self:
        self.migrate()
        for name in self.COMMANDS:
            self.start(name)
        self._preparing = subprocess.Popen(
            [sys.executable, "-m", "tests.integration.prepare"],
            cwd=ROOT,
            env=self.environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.wait()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        for process in self.processes.values():
            process.send_signal(signal.SIGTERM)  # to all at once: they need not wait for one another
        for name in self.processes:
            self.end(name, signal.SIGTERM)
        if self._preparing is not None:
            self._preparing.communicate(timeout=60)
        if error is not None:
            for log in self.directory.glob("*.log"):
                sys.stdout.write(f"--- {log.name}\n{log.read_text(errors='replace')[-4000:]}\n")

    def migrate(self) -> None:
        self.run("manage.py", "migrate", "--verbosity", "0")

    def run(self, *arguments: str) -> str:
        done = subprocess.run(
            [sys.executable, *arguments], cwd=self.root, env=self.environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def start(self, name: str) -> None:
        with (self.directory / f"{name}.log").open("ab") as log:
            self.processes[name] = subprocess.Popen(
                self.COMMANDS[name], cwd=self.root, env=self.environment, stdout=log, stderr=log
            )

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

    def prepare(self, *destinations: str, timeout_s: int = 1, **policy: Any) -> Prepared:
        """An account with a destination for each URL, all with the same policy."""
        return Prepared(**self._ask("account", json.dumps({"timeout_s": timeout_s} | policy), *destinations))

    def member(self, account: Prepared, role: str) -> Prepared:
        """One more person in the account."""
        return replace(account, session=self._ask("member", account.account_id, role)["session"])

    def store(self, account: Prepared, number: int) -> None:
        """So many events of the account, past the checks of a post."""
        self._ask("store", account.account_id, account.token, str(number))

    def delete(self, account_id: str) -> None:
        self._ask("delete", account_id)

    def remove(self, person: Prepared) -> None:
        """Out of every account."""
        self._ask("remove", person.session)

    def give_role(self, person: Prepared, role: str) -> None:
        self._ask("role", person.session, role)

    def _ask(self, *words: str) -> dict[str, str]:
        """What `prepare.py`, which runs beside the product, answers."""
        assert self._preparing is not None
        assert self._preparing.stdin is not None
        assert self._preparing.stdout is not None
        self._preparing.stdin.write(json.dumps(words) + "\n")
        self._preparing.stdin.flush()
        answer: dict[str, str] = json.loads(self._preparing.stdout.readline())
        return answer

    def sql(self, query: str) -> Sequence[tuple[Any, ...]]:
        with sqlite3.connect(self.directory / "datapusher.sqlite3", timeout=30) as connection:
            return connection.execute(query).fetchall()

    def holder_of(self, port: int) -> str:
        """The process that has this local port; empty when none has."""
        for name, process in self.processes.items():
            with suppress(psutil.NoSuchProcess):
                if any(each.laddr.port == port for each in psutil.Process(process.pid).net_connections("tcp")):
                    return name
        return ""

    def logged(self) -> str:
        return "".join(log.read_text(errors="replace") for log in self.directory.glob("*.log"))


def _copy(data: Path, to: Path) -> None:
    subprocess.run(["cp", "-a", str(data), str(to)], check=True)  # with its owner, who is not root


class Embedded(Product):
    """`make run`: everything in one process, on SQLite."""

    COMMANDS = {"serve": [sys.executable, "manage.py", "serve"]}

    def migrate(self) -> None:
        kept, own = _migrated() / "datapusher.sqlite3", self.directory / "datapusher.sqlite3"
        if kept.exists():
            shutil.copy(kept, own)
        else:
            super().migrate()
            shutil.copy(own, kept)


class Uvicorn(Embedded):
    """The Procfile's web alone, on SQLite."""

    COMMANDS = {"web": [sys.executable, "-m", "datapusher.web"]}


class Servers(Product):
    """The Procfile's web and two workers, on PostgreSQL and Valkey."""

    COMMANDS = {
        "web": [sys.executable, "-m", "datapusher.web"],
        "worker-1": [sys.executable, "manage.py", "runworker"],
        "worker-2": [sys.executable, "manage.py", "runworker"],
    }

    def __init__(self, directory: Path) -> None:
        super().__init__(directory)
        self.postgres = Postgres()
        self.valkey = Valkey()
        self.database_url = ""
        """Of a database that the test runs itself."""

    def __enter__(self) -> Self:
        if not self.database_url:
            if (kept := _migrated() / "data").exists():
                _copy(kept, self.postgres.data)
            self.postgres.start()
        self.valkey.start()
        self.environment |= {"DATABASE_URL": self.database_url or self.postgres.url, "REDIS_URL": self.valkey.url}
        return super().__enter__()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        super().__exit__(kind, error, trace)
        self.valkey.close()
        self.postgres.close()

    def migrate(self) -> None:
        kept = _migrated() / "data"
        if self.database_url or not kept.exists():
            super().migrate()
        if not self.database_url and not kept.exists():
            self.postgres.stop()
            _copy(self.postgres.data, kept)
            self.postgres.start()

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
