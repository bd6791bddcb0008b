"""compose.yaml, Dockerfile, Procfile and .env.example speak of the same processes, variables, ports and paths."""

import json
import re
import shlex
from pathlib import PurePosixPath
from typing import Any

import pytest
import yaml

from datapusher import alive
from tests.integration.product import ROOT
from tests.meta.test_environment import example

COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "compose.yaml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
OURS = ["migrate", "web", "worker"]
PROCFILE = dict(line.split(": ", 1) for line in (ROOT / "Procfile").read_text().splitlines())
# Lines that go on are one.
DOCKERFILE = re.sub(r"\\\n\s*", "", (ROOT / "Dockerfile").read_text())
STEPS = [(line.split(" ", 1)[0], line.split(" ", 1)[1]) for line in DOCKERFILE.splitlines() if re.match("[A-Z]", line)]


def last(step: str) -> str:
    return [text for name, text in STEPS if name == step][-1]


def variables(name: str) -> dict[str, str]:
    return {key: str(value) for key, value in SERVICES[name]["environment"].items()}


@pytest.mark.parametrize(("service", "process"), [("migrate", "release"), ("web", "web"), ("worker", "worker")])
def test_the_commands_are_those_of_the_procfile(service: str, process: str) -> None:
    assert SERVICES[service]["command"] == shlex.split(PROCFILE[process])


def test_the_image_is_web_unless_it_is_told_otherwise() -> None:
    assert json.loads(last("CMD")) == SERVICES["web"]["command"]


@pytest.mark.parametrize("service", OURS)
def test_every_variable_is_one_of_the_example(service: str) -> None:
    of_image = {name for name, _ in re.findall(r"([A-Z_]+)=(\S+)", last("ENV"))} - {"PATH"}
    of_image = {name for name in of_image if not name.startswith("PYTHON")}
    assert set(variables(service)) | of_image <= set(example())
    assert SERVICES[service]["env_file"] == ".env"


def test_no_password_stands_here() -> None:
    text = (ROOT / "compose.yaml").read_text()
    given = re.findall(r"(?:PASSWORD: |datapusher:)(\S*)", text.split("services:")[0] + text.split("services:")[1])
    secret = [each for each in given if each and "${POSTGRES_PASSWORD:?" not in each and not each.startswith("//")]
    assert secret == []
    assert text.count("${POSTGRES_PASSWORD:?") == 2
    assert COMPOSE["x-environment"]["METRICS_TOKEN"].startswith("${METRICS_TOKEN:?")


def test_only_web_has_a_port_and_only_on_this_machine() -> None:
    ports = {name: service["ports"] for name, service in SERVICES.items() if "ports" in service}
    port = variables("web")["PORT"]
    assert ports == {"web": [f"127.0.0.1:{port}:{port}"]}
    assert last("EXPOSE") == port
    assert f"PORT={port}" in last("ENV")


def test_who_needs_what_waits_until_it_is_well() -> None:
    for name in ("web", "worker"):
        assert SERVICES[name]["depends_on"]["migrate"] == {"condition": "service_completed_successfully"}
        assert {"postgres", "valkey"} < set(SERVICES[name]["depends_on"])
    for name in ("postgres", "valkey"):
        assert SERVICES[name]["healthcheck"]["test"][0] == "CMD"
    assert SERVICES["worker"]["deploy"]["replicas"] == 2
    assert COMPOSE["volumes"] == {"database": None}


def test_the_health_check_asks_where_it_answers() -> None:
    assert 'CMD ["python", "-m", "datapusher.alive"]' in last("HEALTHCHECK")
    answered = (ROOT / "datapusher" / "operators.py").read_text()
    assert f'"{alive._PATH.rstrip("/")}": live' in answered
    assert "METRICS_PORT" in variables("worker")


def test_the_image_runs_as_nobody_special_and_is_given_time_to_end() -> None:
    assert last("USER") == "datapusher"
    assert [text for name, text in STEPS if name == "USER"] == ["datapusher"]
    assert all(SERVICES[name]["stop_grace_period"] == "30s" for name in OURS)
    assert all(SERVICES[name]["read_only"] for name in OURS)
    assert last("STOPSIGNAL") == "SIGTERM"


def test_the_image_holds_the_code_and_nothing_of_ours_beside_it() -> None:
    lines = (ROOT / ".dockerignore").read_text().splitlines()
    kept = {line.removeprefix("!") for line in lines if line.startswith("!")}
    assert lines[0] == "*"
    assert kept == {"apps", "consumers", "datapusher", "static", "templates", "manage.py", "requirements/prod.txt"}
    assert all((ROOT / PurePosixPath(each)).exists() for each in kept)
    copied = {source for name, text in STEPS if name == "COPY" for source in text.split()[:-1]}
    assert copied == {"requirements/prod.txt", "--from=build", "/opt/venv", "."}


def test_what_is_installed_is_locked() -> None:
    assert "--no-deps --require-hashes --only-binary :all: -r /tmp/prod.txt" in DOCKERFILE
    assert "COPY requirements/prod.txt /tmp/prod.txt" in DOCKERFILE
