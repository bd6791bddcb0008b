"""What the image holds runs by itself: the steps of Dockerfile and compose.yaml, without Docker."""

import http.client
import re
import shutil
import signal
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from tests.fakes.receiver import Receiver
from tests.integration.product import ROOT, Servers, free_port
from tests.integration.sending import post
from tests.integration.waiting import wait_until
from tests.meta.test_deployment import SERVICES, variables

pytestmark = [pytest.mark.integration, pytest.mark.postgres]

# What README.md has its reader make for .env, or what compose.yaml stops without.
SECRETS = {
    "SECRET_KEY": "only-for-tests-0123456789-abcdefghijklmnopqrstuvwxyz",
    "FIELD_ENCRYPTION_KEYS": "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=",
    "POSTGRES_PASSWORD": "only-for-tests",
    "METRICS_TOKEN": "only-for-tests-metrics",
}


def filled(value: str) -> str:
    """As compose does: `${NAME:-default}`, `${NAME:?why}`, from a .env that has the secrets alone."""
    return re.sub(r"\$\{(\w+):[-?](.*?)\}", lambda found: SECRETS.get(found[1], found[2]), value)


def command(service: str) -> list[str]:
    return [sys.executable, *SERVICES[service]["command"][1:]]


class Shipped(Servers):
    """Processes of the image, in a copy of it, with compose.yaml's variables: none of those that only the tests know."""

    COMMANDS = {"web": command("web"), "worker": command("worker")}

    def __init__(self, directory: Path) -> None:
        super().__init__(directory)
        self.environment |= {name: SECRETS[name] for name in ("SECRET_KEY", "FIELD_ENCRYPTION_KEYS")}
        self.metrics_port = free_port()
        self.root = directory / "app"
        for line in (ROOT / ".dockerignore").read_text().splitlines():
            source, target = ROOT / line.removeprefix("!"), self.root / line.removeprefix("!")
            target.parent.mkdir(parents=True, exist_ok=True)
            if line.startswith("!") and source.is_dir():
                shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
            elif line.startswith("!"):
                shutil.copy(source, target)

    def given(self, service: str) -> dict[str, str]:
        """Of the test's own: where the servers are, which ports are free, and that a receiver of this machine may be called."""
        here = {name: self.environment[name] for name in ("PATH", "DATABASE_URL", "REDIS_URL")}
        here |= {"PORT": str(self.port), "DESTINATION_ALLOWED_NETWORKS": "127.0.0.0/8"}
        of_compose = {name: filled(value) for name, value in variables(service).items()}
        if "METRICS_PORT" in of_compose:
            here["METRICS_PORT"] = str(self.metrics_port)
        return SECRETS | of_compose | here

    def start(self, name: str) -> None:
        with (self.directory / f"{name}.log").open("ab") as log:
            self.processes[name] = subprocess.Popen(
                self.COMMANDS[name], cwd=self.root, env=self.given(name), stdout=log, stderr=log
            )

    def migrate(self) -> None:
        self.do("migrate", *command("migrate"))

    def do(self, service: str, *command: str, **changed: str) -> str:
        environment = self.given(service) | changed
        done = subprocess.run(command, cwd=self.root, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout


def metrics(port: int, token: str) -> tuple[int, str]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request("GET", "/metrics", headers={"Authorization": f"Bearer {token}"})
        answer = connection.getresponse()
        return answer.status, answer.read().decode()
    finally:
        connection.close()


def test_the_requirements_of_the_image_are_what_the_tests_run_on() -> None:
    found = 0
    for line in re.sub(r" \\\n\s+--hash=\S+", "", (ROOT / "requirements" / "prod.txt").read_text()).splitlines():
        if re.match(r"[a-z0-9]", line):
            requirement = Requirement(line.rstrip(" \\"))
            if requirement.marker is None or requirement.marker.evaluate():
                assert str(requirement.specifier) == f"=={version(requirement.name)}", line
                found += 1
    assert found > 30


def test_what_the_image_holds_takes_a_post_and_delivers_it_with_the_variables_of_compose(tmp_path: Path) -> None:
    product = Shipped(tmp_path)
    with Receiver() as receiver, product:
        product.do("web", sys.executable, "manage.py", "check", "--deploy", "--fail-level", "WARNING",
                   PUBLIC_URL="https://push.example.com")  # fmt: skip
        prepared = product.prepare(receiver.url)
        assert post(product.url, prepared.token, "e1", b'{"total": 1.10}') == 202
        wait_until(lambda: len(receiver.got) == 1, 30)
        assert receiver.got[0].body == b'{"total": 1.10}'
        for service in ("web", "worker"):
            product.do(service, sys.executable, "-m", "datapusher.alive")
        assert product.end("web", signal.SIGTERM) == product.end("worker", signal.SIGTERM) == 0
        assert not (product.root / "var").exists()


def test_web_and_worker_of_compose_show_their_metrics_to_who_has_the_token(tmp_path: Path) -> None:
    with Shipped(tmp_path) as product:
        wait_until(lambda: product.holder_of(product.metrics_port) == "worker", 30)
        for port in (product.port, product.metrics_port):
            status, text = metrics(port, SECRETS["METRICS_TOKEN"])
            assert (status, "datapusher_database_up 1.0" in text) == (200, True)
            assert metrics(port, "another")[0] == 401


def test_the_address_of_compose_is_the_published_port_of_this_machine() -> None:
    assert filled(variables("web")["PUBLIC_URL"]) == "http://" + SERVICES["web"]["ports"][0].rpartition(":")[0]
