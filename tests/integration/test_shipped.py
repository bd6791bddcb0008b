"""What the image holds runs by itself: the steps of Dockerfile and compose.yaml, without Docker."""

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
from tests.integration.product import ROOT, Servers
from tests.integration.sending import post
from tests.integration.waiting import wait_until
from tests.meta.test_deployment import SERVICES, variables

pytestmark = [pytest.mark.integration, pytest.mark.postgres]

# Processes of the image, in a copy of it and with the product's own settings; what only the tests know is not there.
AS_SHIPPED = ["env", "-u", "TEST_DIRECTORY", "DJANGO_SETTINGS_MODULE=datapusher.settings"]


def command(service: str) -> list[str]:
    return [*AS_SHIPPED, sys.executable, *SERVICES[service]["command"][1:]]


class Shipped(Servers):
    COMMANDS = {"web": command("web"), "worker": command("worker")}

    def __init__(self, directory: Path) -> None:
        super().__init__(directory)
        self.root = directory / "app"
        for line in (ROOT / ".dockerignore").read_text().splitlines():
            source, target = ROOT / line.removeprefix("!"), self.root / line.removeprefix("!")
            target.parent.mkdir(parents=True, exist_ok=True)
            if line.startswith("!") and source.is_dir():
                shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
            elif line.startswith("!"):
                shutil.copy(source, target)

    def migrate(self) -> None:
        self.do(*command("migrate"))

    def do(self, *command: str) -> str:
        done = subprocess.run(command, cwd=self.root, env=self.environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout


def test_the_requirements_of_the_image_are_what_the_tests_run_on() -> None:
    found = 0
    for line in re.sub(r" \\\n\s+--hash=\S+", "", (ROOT / "requirements" / "prod.txt").read_text()).splitlines():
        if re.match(r"[a-z0-9]", line):
            requirement = Requirement(line.rstrip(" \\"))
            if requirement.marker is None or requirement.marker.evaluate():
                assert str(requirement.specifier) == f"=={version(requirement.name)}", line
                found += 1
    assert found > 30


def test_what_the_image_holds_takes_a_post_and_delivers_it(tmp_path: Path) -> None:
    product = Shipped(tmp_path)
    with Receiver() as receiver, product:
        product.do(*AS_SHIPPED, "PUBLIC_URL=https://push.example.com", sys.executable, "manage.py", "check", "--deploy",
                   "--fail-level", "WARNING")  # fmt: skip
        prepared = product.prepare(receiver.url)
        assert post(product.url, prepared.token, "e1", b'{"total": 1.10}') == 202
        wait_until(lambda: len(receiver.got) == 1, 30)
        assert receiver.got[0].body == b'{"total": 1.10}'
        product.do(sys.executable, "-m", "datapusher.alive")
        assert product.end("web", signal.SIGTERM) == product.end("worker", signal.SIGTERM) == 0
        assert not (product.root / "var").exists()


def test_the_variables_of_compose_are_enough() -> None:
    """Beside the secrets, which `.env` has, and what names the test's own servers."""
    given = set(variables("web")) | {"SECRET_KEY", "FIELD_ENCRYPTION_KEYS"}
    assert {"DATABASE_URL", "REDIS_URL", "HOST", "PORT"} <= given
