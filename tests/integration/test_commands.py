"""What the documents tell an operator or a newcomer to type does what they say, against a running product."""

import os
import re
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest

from tests.fakes.receiver import Receiver
from tests.integration.product import ROOT, Embedded, Servers, free_port
from tests.integration.sending import post
from tests.integration.test_shipped import Shipped
from tests.integration.waiting import OPEN, wait_until

# A dozen commands, each a Python that starts: half a minute, and minutes on a busy machine.
pytestmark = [pytest.mark.integration, pytest.mark.timeout(400)]

FENCE = re.compile(r"^(?P<indent> *)```(?P<language>\w*)\n(?P<text>.*?)^ *```$", re.MULTILINE | re.DOTALL)
# The documents' blocks that no test here runs, by how they begin, and why. The programs of docs/api.md have test_stories.py.
ELSEWHERE: Mapping[str, Mapping[str, str]] = {
    "README.md": {
        "make run": "installs, and serves until it is stopped: integration/test_start.py starts what it starts",
        "docker compose up": "needs Docker: integration/test_shipped.py starts the same processes with the same variables",
    },
    "CONTRIBUTING.md": {
        "make setup": "the tests themselves",
        "make test": "the tests themselves",
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
# Making a .env, starting what it is for, asking that.
PRODUCTION = ("password=", ". ./.env\nsudo", ". ./.env\ncurl")
RUN = {"README.md": ["python3 -u -c", "curl -i", *PRODUCTION]}


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


def told(product: Shipped) -> list[str]:
    """README.md's blocks for production, with the test's own servers, port and environment in place of the reader's."""
    here = {
        "@localhost:5432/datapusher": f"@/datapusher?host={product.postgres.directory}",
        "redis://localhost:6379/0": product.valkey.url,
        "8000": str(product.port),
        "sudo -u postgres psql": f"psql --dbname='{product.postgres.database_url('postgres')}'",
        "make setup\n": "",
    }
    found = [next(text for _, text in blocks("README.md") if text.startswith(begin)) for begin in PRODUCTION]
    for theirs, ours in here.items():
        assert any(theirs in text for text in found), theirs
        found = [text.replace(theirs, ours) for text in found]
    return [text.replace("$PWD/.venv/bin", str(Path(sys.executable).parent)) for text in found]


@pytest.mark.postgres
def test_the_readme_leads_to_web_and_two_workers_that_show_their_metrics(tmp_path: Path) -> None:
    product = Shipped(tmp_path)
    shutil.copy(ROOT / "Procfile", product.root)
    make, start, ask = told(product)
    path = {"PATH": f"{product.postgres._bin}:{os.environ['PATH']}"}
    with reachable(product), (tmp_path / "honcho.log").open("w") as log:
        run(make, product.root, path)
        kept = (product.root / ".env").read_text()
        run(make, product.root, path)
        assert (product.root / ".env").read_text() == kept
        start = start.replace("honcho start -c", "exec honcho start -c")  # whom to ask to stop
        started = subprocess.Popen(["sh", "-euc", start], cwd=product.root, env=path, stdout=log, stderr=log)
        try:
            wait_until(lambda: (tmp_path / "honcho.log").read_text().count("worker started") == 2, 60)
            answer = run(ask.replace("--fail", "--fail --retry 9 --retry-all-errors"), product.root, path)
        finally:
            started.terminate()
            started.wait(30)
    assert answer.startswith('{"status": "ok"}')
    assert "datapusher_workers 2.0" in answer


@contextmanager
def reachable(product: Shipped) -> Iterator[None]:
    """Its servers alone, as the README's reader has them: without a database of ours."""
    product.postgres.start()
    product.valkey.start()
    try:
        with psycopg.connect(product.postgres.database_url("postgres"), autocommit=True) as connection:
            connection.execute("DROP DATABASE datapusher")
        yield
    finally:
        product.valkey.close()
        product.postgres.close()
