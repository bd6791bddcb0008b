"""What the documents tell an operator or a newcomer to type does what they say, against a running product."""

import os
import re
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from tests.fakes.receiver import Receiver
from tests.integration.product import ROOT, Embedded, Servers, free_port
from tests.integration.sending import post
from tests.integration.waiting import OPEN, wait_until

# A dozen commands, each a Python that starts: half a minute, and minutes on a busy machine.
pytestmark = [pytest.mark.integration, pytest.mark.timeout(400)]

FENCE = re.compile(r"^(?P<indent> *)```(?P<language>\w*)\n(?P<text>.*?)^ *```$", re.MULTILINE | re.DOTALL)
# The documents' blocks that no test here runs, by how they begin, and why. The programs of docs/api.md have test_stories.py.
ELSEWHERE: Mapping[str, Mapping[str, str]] = {
    "README.md": {
        "make run": "installs, and serves until it is stopped: integration/test_start.py starts what it starts",
        "DATABASE_URL=": "a file, not a command",
        "make setup": "installs; integration/test_shipped.py starts the same processes",
    },
    "CONTRIBUTING.md": {
        "make setup": "the tests themselves",
        ".venv/bin/pytest -k": "the tests themselves",
        "make PYTHON=": "the tests themselves",
    },
    "docs/architecture.md": {" sender": "a picture"},
    "docs/failure-model.md": {"DATABASE_URL= REDIS_URL= .venv/bin/pytest": "the tests themselves, at full size"},
    "docs/operations.md": {
        "shared_buffers": "settings of a large machine",
        "ALTER ROLE": "the role of an installation",
        "jq -c": "of the log lines of an installation",
        "valkey-server": "compose.yaml starts it so; tests/services/valkey.py starts one",
    },
}
RUN = {"README.md": ["python3 -u -c", "curl -i"]}


def blocks(document: str) -> Iterator[tuple[str, str]]:
    """(language, text without its indent)"""
    for found in FENCE.finditer((ROOT / document).read_text()):
        yield found["language"], re.sub(rf"^{found['indent']}", "", found["text"], flags=re.MULTILINE)


def documents() -> list[str]:
    found = [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")]
    return sorted(str(file.relative_to(ROOT)) for file in found)


@pytest.mark.embedded
@pytest.mark.parametrize("document", documents())
def test_every_block_is_run_or_says_why_not(document: str) -> None:
    known = [*ELSEWHERE.get(document, {}), *RUN.get(document, [])]
    plain = [text for language, text in blocks(document) if language == ""]
    assert [text for text in plain if not any(text.startswith(begin) for begin in known)] == []
    assert [begin for begin in known if not any(text.startswith(begin) for text in plain)] == []
    if document not in {"docs/operations.md", "docs/api.md"}:
        assert {language for language, _ in blocks(document)} <= {"", "json", "python", "sql"}


def run(command: str, folder: Path, environment: Mapping[str, str]) -> str:
    done = subprocess.run(
        ["sh", "-euc", command], cwd=folder, env=environment, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
    return done.stdout


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """One with a var/ in use."""
    (tmp_path / "backups").mkdir()
    (tmp_path / "var").mkdir()
    return tmp_path


@pytest.mark.postgres
def test_every_command_of_the_operations_guide_comes_true(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    product = Servers(tmp_path_factory.mktemp("product"))
    with Receiver() as receiver, product, sqlite3.connect(folder / "var" / "datapusher.sqlite3") as in_use:
        in_use.execute("PRAGMA journal_mode=WAL")
        in_use.execute("CREATE TABLE kept (number)")
        in_use.commit()
        prepared = product.prepare(receiver.url)
        assert post(product.url, prepared.token, "e1") == 202
        wait_until(lambda: product.sql(OPEN)[0][0] == 0, 30)
        environment = product.environment | {
            "BACKUPS": str(folder / "backups"),
            "RESTORED_URL": product.postgres.database_url("restored"),
            "PATH": f"{Path(sys.executable).parent}:{product.postgres._bin}:{os.environ['PATH']}",
        }
        said = ""
        for language, text in blocks("docs/operations.md"):
            if language == "sh":
                said += run(text, folder if text.startswith("# in the folder that has var/") else ROOT, environment)
    assert [each for each in ("The ledger balances. Accounts: 1", "Rows deleted: 0", "of 1 rows encrypted anew", "ok\n") if
            each not in said] == []  # fmt: skip
    assert (folder / "backups" / "base" / "PG_VERSION").exists()


@pytest.mark.embedded
def test_the_first_event_of_the_readme_arrives(folder: Path) -> None:
    assert shutil.which("curl"), "curl is missing: apt-get install curl"
    port = str(free_port())
    (receiver,) = (text for _, text in blocks("README.md") if text.startswith("python3 -u -c"))
    (curl,) = (text for _, text in blocks("README.md") if text.startswith("curl -i"))
    path = {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    with Embedded(folder) as product, (folder / "receiver.log").open("w") as log:
        listening = subprocess.Popen(["sh", "-c", f"exec {receiver.replace('9000', port)}"], stdout=log, env=os.environ | path)
        try:
            prepared = product.prepare(f"http://127.0.0.1:{port}/hook")
            command = curl.replace("<token>", prepared.token).replace("http://127.0.0.1:8000", product.url)
            answer = run(command, folder, os.environ | path)
            wait_until(lambda: "149.90" in (folder / "receiver.log").read_text(), 30)
        finally:
            listening.kill()
            listening.wait(10)
    assert "202" in answer.splitlines()[0]
    assert answer.endswith('{"success":true,"message":"Data Received"}')
