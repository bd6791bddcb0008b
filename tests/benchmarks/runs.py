"""The programs that are measured, and what one measurement of each says."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import psycopg

from tests.benchmarks.bare import TABLES
from tests.benchmarks.pace import Paced, paced
from tests.benchmarks.traffic import CONNECTIONS, Posted, Receiver, post
from tests.integration.product import Embedded, Servers, free_port
from tests.services import Postgres, Valkey

INGEST = "/server/incoming_data"


@dataclass(frozen=True)
class Run:
    name: str
    posted: Posted
    delivered: float
    """A second, while the sender posted."""
    drained: float
    """Seconds after the sender's end until all had arrived."""
    lost: int
    again: int
    statements: tuple[float, float] | None = None
    """SQL statements of web and of worker for each event."""

    @property
    def through(self) -> float:
        """Events a second until all had arrived: fair to who accepts first and delivers later."""
        return self.posted.accepted / (self.posted.seconds + self.drained)

    @property
    def errors(self) -> int:
        return self.lost + self.posted.refused + self.posted.broken

    @property
    def both(self) -> float:
        return min(self.posted.rate, self.delivered)


@contextmanager
def process(*command: str, log: Path, **environment: str) -> Iterator[subprocess.Popen[bytes]]:
    with log.open("ab") as out:
        started = subprocess.Popen([sys.executable, *command], env=os.environ | environment, stdout=out, stderr=out)
    try:
        yield started
    finally:
        started.terminate()
        started.wait(60)


def measure(name: str, url: str, path: str, tokens: Path, receiver: Receiver, seconds: float) -> Run:
    post(url, path, tokens, f"{name}-warm", seconds=3)
    settle(receiver.count)
    before = receiver.count()
    began = time.monotonic()
    posted = post(url, path, tokens, name, seconds=seconds)
    took, during = time.monotonic() - began, receiver.count() - before
    ended = time.monotonic()
    arrived = settle(receiver.count) - before
    drained = max(0.0, time.monotonic() - ended - STILL_S)
    # wrk leaves what is under way at its end: up to one post a connection is stored and not counted.
    missing = posted.accepted - arrived
    return Run(name, posted, during / took, drained, max(0, missing), max(0, -missing - CONNECTIONS))


STILL_S = 3.0


def settle(count: Callable[[], int]) -> int:
    """The count once it has stood still."""
    last, since = count(), time.monotonic()
    while time.monotonic() - since < STILL_S:
        time.sleep(0.2)
        if (now := count()) != last:
            last, since = now, time.monotonic()
    return last


def hello(directory: Path, tokens: Path, seconds: float) -> float:
    """Answers a second of uvicorn alone."""
    port = free_port()
    with process(*_uvicorn("hello", port), log=directory / "hello.log"):
        url = _wait(port)
        return post(url, "/", tokens, "hello", seconds=seconds).rate


def bare(directory: Path, tokens: Path, seconds: float) -> Run:
    port = free_port()
    with Postgres() as postgres, Receiver(directory / "bare") as receiver:
        with psycopg.connect(postgres.url, autocommit=True) as connection:
            connection.execute(TABLES.encode())
        environment = {"DATABASE_URL": postgres.url, "RECEIVER": receiver.url}
        with (
            process(*_uvicorn("app", port), log=directory / "bare.log", **environment),
            process("-m", "tests.benchmarks.bare", log=directory / "bare.log", **environment),
        ):
            return measure("bare", _wait(port), "/", tokens, receiver, seconds)


def _uvicorn(app: str, port: int) -> tuple[str, ...]:
    where = ("--host", "127.0.0.1", "--port", str(port), "--no-access-log", "--log-level", "warning")
    return ("-m", "uvicorn", f"tests.benchmarks.bare:{app}", *where)


def _wait(port: int) -> str:
    end = time.monotonic() + 30
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return f"http://127.0.0.1:{port}"
        except OSError:
            if time.monotonic() > end:
                raise
            time.sleep(0.1)


class Product(Servers):
    """The Procfile's web, and one worker: the other core."""

    COMMANDS = {
        "web": [sys.executable, "-m", "datapusher.web"],
        "worker": [sys.executable, "manage.py", "runworker"],
    }

    def start(self, name: str) -> None:
        self.environment["PGAPPNAME"] = name.partition("-")[0]
        super().start(name)


class UnderDaphne(Product):
    COMMANDS = Product.COMMANDS | {"web": [sys.executable, "-m", "daphne", "datapusher.asgi:application"]}

    def __init__(self, directory: Path) -> None:
        super().__init__(directory)
        self.COMMANDS = self.COMMANDS | {"web": [*self.COMMANDS["web"], "--port", str(self.port), "--access-log", "/dev/null"]}


class TwoWorkers(Product):
    COMMANDS = {"web": Product.COMMANDS["web"]} | {f"worker-{n}": Product.COMMANDS["worker"] for n in range(2)}


class FourWorkers(Product):
    COMMANDS = {"web": Product.COMMANDS["web"]} | {f"worker-{n}": Product.COMMANDS["worker"] for n in range(4)}


@contextmanager
def started(
    kind: type[Servers | Embedded], directory: Path, accounts: int, name: str = ""
) -> Iterator[tuple[Any, Receiver, Path]]:
    """The product, nginx that it delivers to, and the file of its senders' tokens."""
    own = directory / (name or kind.__name__)
    own.mkdir()
    with Receiver(own / "nginx") as receiver, kind(own) as servers:
        tokens = own / "tokens"
        tokens.write_text(servers.run("-m", "tests.benchmarks.people", str(accounts), receiver.url))
        yield servers, receiver, tokens


def product(kind: type[Product | Embedded], directory: Path, seconds: float, accounts: int) -> Run:
    with started(kind, directory, accounts) as (servers, receiver, tokens):
        run = measure(kind.__name__, servers.url, INGEST, tokens, receiver, seconds)
        if isinstance(servers, Product):
            run = replace(run, statements=statements(servers, tokens, receiver))
        return run


def statements(servers: Product, tokens: Path, receiver: Receiver) -> tuple[float, float]:
    """SQL statements of web and of worker for each event, all of them; counted in the server's log, in another 5 s."""
    with psycopg.connect(servers.postgres.url, autocommit=True) as connection:
        for setting in ("log_line_prefix = 'by %a '", "log_statement = 'all'"):
            connection.execute(f"ALTER SYSTEM SET {setting}".encode())
        connection.execute("SELECT pg_reload_conf()")
    posted = post(servers.url, INGEST, tokens, "statements", seconds=5)
    settle(receiver.count)
    lines = servers.postgres.log.read_text(errors="replace").splitlines()
    counted = [
        line.split()[1] for line in lines if line.startswith("by ") and (": execute" in line or "LOG:  statement" in line)
    ]
    return counted.count("web") / posted.accepted, counted.count("worker") / posted.accepted


def latencies(directory: Path, accounts: int, rates: Sequence[float], seconds: float) -> list[Paced]:
    """At each of these rates."""
    receiver_port = free_port()
    own = directory / "paced"
    own.mkdir()
    found = []
    with Product(own) as servers:
        tokens = own / "tokens"
        tokens.write_text(servers.run("-m", "tests.benchmarks.people", str(accounts), f"http://127.0.0.1:{receiver_port}/hook"))
        for number, rate in enumerate(rates):
            run = f"paced-{number}"
            found.append(paced(servers.port, INGEST, tokens, run, receiver_port, rate=rate, seconds=seconds))
    return found


def team(directory: Path, seconds: float, accounts: int) -> Run:
    """Celery and gunicorn are installed beside, for this run only."""
    beside = directory / "beside"
    pip = (sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--target", str(beside))
    subprocess.run([*pip, "celery>=5.5,<6", "gunicorn>=23,<24"], check=True)
    port, log = free_port(), directory / "team.log"
    with Postgres() as postgres, Valkey() as valkey, Receiver(directory / "team") as receiver:
        path = os.pathsep.join([*sys.path, str(beside)])
        environment = {"DATABASE_URL": postgres.url, "REDIS_URL": valkey.url, "PYTHONPATH": path}
        tokens = directory / "team.tokens"
        command = [sys.executable, "-m", "tests.benchmarks.team", str(accounts), receiver.url]
        done = subprocess.run(command, env=os.environ | environment, capture_output=True, text=True, check=True)
        tokens.write_text(done.stdout)
        web = (
            "-m",
            "gunicorn",
            "-w",
            "2",
            "-k",
            "gthread",
            "--threads",
            "8",
            "-b",
            f"127.0.0.1:{port}",
            f"{_TEAM}:application",
        )
        worker = ("-m", "celery", "-A", f"{_TEAM}:worker", "worker", "-c", "2", "--loglevel", "WARNING")
        with process(*web, log=log, **environment), process(*worker, log=log, **environment):
            url = _wait(port)
            post(url, "/", tokens, "first", seconds=1)
            while receiver.count() == 0:  # Celery takes its time to come up
                time.sleep(0.5)
            return measure("team", url, "/", tokens, receiver, seconds)


_TEAM = "tests.benchmarks.team"
