"""A database that forgets what it has acknowledged is not served."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.integration.product import ROOT, Servers
from tests.services import Postgres

pytestmark = [pytest.mark.integration, pytest.mark.postgres]


@pytest.mark.parametrize("name", ["fsync", "full_page_writes", "synchronous_commit"])
def test_the_worker_does_not_start_on_a_forgetful_database(tmp_path: Path, name: str) -> None:
    product = Servers(tmp_path)
    product.postgres.close()
    with Postgres(settings={name: "off"}) as postgres:
        environment = product.environment | {"DATABASE_URL": postgres.url, "REDIS_URL": product.valkey.url}
        with product.valkey:
            done = subprocess.run(
                [sys.executable, "manage.py", "runworker"],
                cwd=ROOT,
                env=environment,
                capture_output=True,
                text=True,
                check=False,
            )
    assert done.returncode == 1
    assert (
        done.stderr.strip() == f"datapusher: DATABASE_URL: PostgreSQL runs with {name} off, so an accepted event could be lost"
    )
