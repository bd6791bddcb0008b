"""The programs of docs/api.md do what they say, against a running product."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from tests.integration.product import ROOT, Embedded, free_port
from tests.integration.waiting import wait_until

# Seconds: Go compiles its library on a machine that never ran it.
PATIENCE_S = 300
pytestmark = [pytest.mark.integration, pytest.mark.embedded, pytest.mark.timeout(PATIENCE_S + 60)]

_BLOCK = re.compile(r"^```\w+\n(?:#|//) (?P<name>[\w.]+)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)
# What runs each, and what a machine without it needs.
TOOLS = {
    "story.sh": (["sh"], "curl: apt-get install curl"),
    "story.py": ([sys.executable], "Python"),
    "replay.py": ([sys.executable], "Python"),
    "story.mjs": (["node"], "Node 18 or newer: apt-get install nodejs"),
    "story.go": (["go", "run"], "Go 1.21 or newer: apt-get install golang-go"),
}


@pytest.fixture(scope="module")
def product(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Embedded]:
    with Embedded(tmp_path_factory.mktemp("product")) as running:
        yield running


@pytest.fixture
def programs(tmp_path: Path) -> Path:
    for block in _BLOCK.finditer((ROOT / "docs" / "api.md").read_text()):
        (tmp_path / block["name"]).write_text(block["text"])
    return tmp_path


@pytest.mark.parametrize("name", TOOLS)
def test_the_story_of_the_docs_comes_true(product: Embedded, programs: Path, name: str) -> None:
    command, needed = TOOLS[name]
    for tool in (command[0], "curl" if name == "story.sh" else command[0]):
        assert shutil.which(tool), f"{tool} is missing; the programs of docs/api.md are tested with {needed}"
    # `python3` in the shell's program is the one that has standardwebhooks.
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    environment = os.environ | {"BASE": product.url, "HOOK_PORT": str(free_port()), "PATH": path}
    done = subprocess.run(
        [*command, name], cwd=programs, env=environment, capture_output=True, text=True, timeout=PATIENCE_S, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    told = ["verified", "account_name", "304", "stale", *["replay done made: 1"] * (name == "replay.py")]
    assert [word for word in told if word not in done.stdout] == []


class Newcomer:
    """A person with a browser and no receiver."""

    def __init__(self, url: str) -> None:
        self.url, self.browser = url, requests.Session()

    def post(self, path: str, **fields: str) -> str:
        """The page to which it leads."""
        token = self.browser.cookies.get("csrftoken") or ""
        answer = self.browser.post(self.url + path, fields | {"csrfmiddlewaretoken": token}, timeout=10)
        assert answer.ok, answer.text
        return answer.text

    def page(self, path: str) -> str:
        return self.browser.get(self.url + path, timeout=10).text


def test_from_signing_up_to_the_first_delivered_event_are_five_forms(product: Embedded) -> None:
    newcomer = Newcomer(product.url)
    newcomer.page("/user/signup/")
    newcomer.post("/user/signup/", email="newcomer@example.com", password1="correct horse battery")
    newcomer.post("/user/login/", login="newcomer@example.com", password="correct horse battery")
    created = newcomer.post("/accounts/new/", account_name="Newcomer")
    account = next(iter(re.findall(r"/accounts/[0-9a-f-]{36}", created)))
    live = newcomer.post(f"{account}/inboxes/")
    inbox = next(iter(re.findall(rf"{account}/inboxes/[a-z2-7]{{26}}/", live)))
    newcomer.post(f"{account}/sample/")
    wait_until(lambda: "A first event from Data Pusher" in newcomer.page(inbox), 15)
