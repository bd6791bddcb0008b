"""Starting and ending the processes: one line when it cannot be, code 0 when it is asked to stop."""

import http.client
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from cryptography.fernet import Fernet

pytestmark = [pytest.mark.integration, pytest.mark.embedded]

ROOT = Path(__file__).resolve().parents[2]
SOURCES = ("apps", "consumers", "datapusher", "templates", "static")
SECRETS = {
    "SECRET_KEY": "only-for-tests-0123456789-abcdefghijklmnopqrstuvwxyz",
    "FIELD_ENCRYPTION_KEYS": Fernet.generate_key().decode(),
}
DATABASE = "postgresql://user:password@127.0.0.1:{}/name"
REDIS = "redis://127.0.0.1:{}/0"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def heed_interrupts() -> None:
    """A shell that starts the tests in the background has them, and what they start, ignore SIGINT."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


class Tree:
    """A fresh clone: the sources without var/, so that nothing touches a developer's own database."""

    def __init__(self, path: Path) -> None:
        self.path, self.port = path, free_port()
        for name in SOURCES:
            shutil.copytree(ROOT / name, path / name, ignore=shutil.ignore_patterns("__pycache__"))
        shutil.copy(ROOT / "manage.py", path)

    def start(self, *arguments: str, **environment: str) -> "subprocess.Popen[str]":
        inherited = {name: value for name, value in os.environ.items() if name in {"PATH", "HOME"}}
        return subprocess.Popen(
            [sys.executable, *(arguments if arguments[0].startswith("-") else ("manage.py", *arguments))],
            cwd=self.path,
            env=inherited | {"PORT": str(self.port)} | environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            preexec_fn=heed_interrupts,  # noqa: PLW1509  (no thread of ours holds a lock meanwhile)
        )

    def run(self, *arguments: str, **environment: str) -> tuple[int, list[str]]:
        """The exit code and the lines on stderr."""
        process = self.start(*arguments, **environment)
        try:
            _, errors = process.communicate(timeout=60)
        finally:
            process.kill()
        return process.returncode, errors.splitlines()

    def get(self, path: str) -> int:
        """The status, when the server answers within 30 s."""
        end = time.monotonic() + 30
        while True:
            connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
            try:
                connection.request("GET", path)
                return connection.getresponse().status
            except ConnectionError:
                if time.monotonic() > end:
                    raise
                time.sleep(0.1)
            finally:
                connection.close()

    @contextmanager
    def serving(self) -> Iterator["subprocess.Popen[str]"]:
        process = self.start("serve")
        try:
            assert self.get("/") == 200
            yield process
        finally:
            process.kill()
            process.wait(10)


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    return Tree(tmp_path / "clone")


@pytest.fixture(scope="module")
def var(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What `migrate` leaves in a fresh clone."""
    tree = Tree(tmp_path_factory.mktemp("first") / "clone")
    assert tree.run("migrate", "--verbosity", "0") == (0, [])
    return tree.path / "var"


@pytest.fixture
def migrated(tree: Tree, var: Path) -> Tree:
    shutil.copytree(var, tree.path / "var")
    return tree


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_serve_answers_and_ends_in_order_when_it_is_asked_to(migrated: Tree, number: signal.Signals) -> None:
    with migrated.serving() as process:
        process.send_signal(number)
        output, errors = process.communicate(timeout=30)
    assert (process.returncode, errors) == (0, "")
    assert f"http://127.0.0.1:{migrated.port}" in output
    assert "EMAIL_URL is not set" in output
    assert "127.0.0.0/8" in output
    assert output.rstrip().endswith("goes out at the next start.")


def test_serve_says_in_one_line_that_its_port_is_in_use(migrated: Tree) -> None:
    with socket.create_server(("127.0.0.1", migrated.port)):
        code, lines = migrated.run("serve")
    assert (code, lines) == (1, [f"datapusher: PORT: 127.0.0.1:{migrated.port} cannot be used: Address already in use"])


def test_a_second_serve_on_the_same_database_says_so_in_one_line(migrated: Tree) -> None:
    with migrated.serving():
        code, lines = migrated.run("serve", PORT=str(free_port()))
    assert (code, len(lines)) == (1, 1)
    assert lines[0].endswith("another `serve` works on this database")


@pytest.mark.parametrize("command", ["serve", "runworker"])
def test_without_migrations_it_says_in_one_line_what_to_run(tree: Tree, command: str) -> None:
    code, lines = tree.run(command)
    assert (code, lines) == (1, ["datapusher: the database lacks migrations: run `python manage.py migrate`"])


def test_a_fresh_clone_with_its_secrets_in_the_environment_needs_no_var(tree: Tree) -> None:
    assert not (tree.path / "var").exists()
    assert tree.run("migrate", "--verbosity", "0", **SECRETS) == (0, [])
    assert sorted(file.name for file in (tree.path / "var").iterdir()) == ["datapusher.sqlite3"]


UNSAFE = {
    "DEBUG": {"DEBUG": "true", "HOST": "0.0.0.0", "PUBLIC_URL": "https://push.example.com"},
    "PUBLIC_URL": {"HOST": "0.0.0.0"},
    "SECRET_KEY": {"SECRET_KEY": "x" * 50},
    "ALLOWED_HOSTS": {"ALLOWED_HOSTS": "*", "PUBLIC_URL": "https://push.example.com"},
}


@pytest.mark.parametrize("name", UNSAFE)
@pytest.mark.parametrize("command", [["serve"], ["-m", "datapusher.web"]], ids=["serve", "web"])
def test_what_is_unsafe_where_others_reach_it_stops_the_start_with_one_line(
    migrated: Tree, name: str, command: list[str]
) -> None:
    code, lines = migrated.run(*command, **UNSAFE[name])
    assert code == 1
    said = [line for line in lines if "Warning" not in line and not line.startswith(" ")]  # servestatic warns under DEBUG
    assert [line.partition(": must ")[0] for line in said] == [f"datapusher: {name}"]


@pytest.mark.parametrize("command", ["serve", "runworker"])
def test_a_file_in_the_place_of_var_is_one_line(tree: Tree, command: str) -> None:
    (tree.path / "var").write_text("")
    code, (line,) = tree.run(command)
    assert code == 1
    assert line.startswith("datapusher: ")
    assert str(tree.path / "var") in line


@pytest.mark.parametrize("command", ["serve", "runworker"])
def test_a_database_without_redis_stops_it_with_one_line(tree: Tree, command: str) -> None:
    code, (line,) = tree.run(command, DATABASE_URL=DATABASE.format(free_port()), **SECRETS)
    assert code == 1
    assert line.startswith("datapusher: REDIS_URL: must be set when DATABASE_URL is set")


def test_a_database_that_does_not_come_up_stops_the_worker_with_one_line(tree: Tree) -> None:
    away = {"DATABASE_URL": DATABASE.format(free_port()), "REDIS_URL": REDIS.format(free_port())}
    code, lines = tree.run("runworker", **away, **SECRETS)
    assert (code, lines) == (1, ["datapusher: DATABASE_URL: the database cannot be reached: OperationalError"])


def test_a_redis_that_does_not_come_up_stops_serve_with_one_line(tree: Tree) -> None:
    code, lines = tree.run("serve", REDIS_URL=REDIS.format(free_port()))
    assert (code, lines) == (1, ["datapusher: REDIS_URL: Redis cannot be reached: ConnectionError"])


@pytest.mark.parametrize(("mail", "said"), [("", ["warning"]), ("smtp://127.0.0.1:2525", [])], ids=["none", "smtp"])
def test_web_says_once_that_without_mail_addresses_count_as_verified(migrated: Tree, mail: str, said: list[str]) -> None:
    process = migrated.start("-m", "datapusher.web", EMAIL_URL=mail)
    try:
        assert migrated.get("/health/live/") == 200
    finally:
        process.send_signal(signal.SIGTERM)
        output, _ = process.communicate(timeout=30)
    lines = [json.loads(line) for line in output.splitlines()]
    assert [line["level"] for line in lines if "EMAIL_URL is not set" in line["event"]] == said


def test_the_worker_drains_and_ends_in_order_when_it_is_asked_to(migrated: Tree) -> None:
    process = migrated.start("runworker")
    assert process.stdout is not None
    for line in process.stdout:
        if "worker started" in line:
            break
    process.send_signal(signal.SIGTERM)
    _, errors = process.communicate(timeout=30)
    assert (process.returncode, errors) == (0, "")
