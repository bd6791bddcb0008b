"""`.env.example` names every variable that is read, with the default that the code has, and that is the one we promised."""

import ast
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator

import pytest

from tests.integration.product import ROOT

SETTINGS = sorted((ROOT / "datapusher" / "settings").glob("*.py"))


def example() -> dict[str, str]:
    text = (ROOT / ".env.example").read_text()
    return dict(re.findall(r"^#?([A-Z_]+)=(.*)$", text, re.MULTILINE))


def of_compose() -> set[str]:
    """What compose.yaml takes from `.env` itself."""
    return set(re.findall(r"\$\{([A-Z_]+)", (ROOT / "compose.yaml").read_text()))


def calls() -> Iterator[ast.Call]:
    for file in SETTINGS:
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Call) and node.args and isinstance(node.args[0], ast.Constant):
                yield node


def name_of(call: ast.Call) -> str:
    """The variable that a reader of env.py is called with; empty for any other call."""
    called = call.func
    reader = called.attr if isinstance(called, ast.Attribute) else getattr(called, "id", "")
    first = str(getattr(call.args[0], "value", ""))
    return first if reader in READERS and re.fullmatch("[A-Z_]+", first) else ""


READERS = {
    node.name
    for node in ast.parse((ROOT / "datapusher" / "settings" / "env.py").read_text()).body
    if isinstance(node, ast.FunctionDef) and node.args.args and node.args.args[0].arg == "name"
}


def read() -> dict[str, str | None]:
    """variable -> its default as it would be written; None where it has none, or one that is worked out."""
    found: dict[str, str | None] = {}
    for call in calls():
        if name := name_of(call):
            given = [*call.args[1:2], *(word.value for word in call.keywords if word.arg == "default")]
            literal = given[0].value if given and isinstance(given[0], ast.Constant) else None
            known = found.get(name)
            found[name] = known if known is not None or literal is None else written(literal)
    return found


def written(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def test_the_example_names_what_is_read_and_nothing_else() -> None:
    assert set(example()) == set(read()) | of_compose()
    assert len(read()) > 20


# A secret is made, a mail server is nobody's default; the others' defaults depend on the rest.
WITHOUT = {
    *("DATABASE_URL", "REDIS_URL", "EMAIL_URL", "PUBLIC_URL", "DESTINATION_ALLOWED_NETWORKS"),
    *("SECRET_KEY", "FIELD_ENCRYPTION_KEYS", "METRICS_TOKEN"),
    *("METRICS_PORT", "TRUSTED_PROXIES", "CORS_ALLOWED_ORIGINS", "OTEL_EXPORTER_OTLP_ENDPOINT"),  # none: examples
}


@pytest.mark.parametrize("name", sorted(set(read()) - WITHOUT))
def test_the_example_has_the_default_of_the_code(name: str) -> None:
    assert example()[name] == read()[name]


# What operators were promised, as a process has it without any of the variables. To change one is a change for them: it is made
# here too, by hand, and said in the CHANGELOG.
PROMISED = {
    "DATABASE_URL": "",
    "REDIS_URL": "",
    "DEBUG": False,
    "REGISTRATION": "open",
    "HOST": "127.0.0.1",
    "PORT": 8000,
    "PUBLIC_URL": "http://127.0.0.1:8000",
    "ALLOWED_HOSTS": ["localhost", "127.0.0.1", "[::1]"],
    "TRUSTED_PROXIES": [],
    "CORS_ALLOWED_ORIGINS": [],
    "DESTINATION_ALLOWED_NETWORKS": ["127.0.0.0/8", "::1/128"],
    "ACCOUNT_EMAIL_VERIFICATION": "none",
    "DEFAULT_FROM_EMAIL": "Data Pusher <datapusher@localhost>",
    "INGEST_RATE": 5,
    "INGEST_MAX_BYTES": 1_048_576,
    "API_RATE": 6000,
    "REPLAY_RATE": 50,
    "MAX_ACCOUNTS_PER_USER": 20,
    "MAX_DESTINATIONS_PER_ACCOUNT": 1000,
    "MAX_WAITING_PER_ACCOUNT": 5_000_000,
    "RETRY_SCHEDULE": [5, 300, 1800, 7200, 18_000, 36_000, 50_400, 72_000, 86_400],
    "EVENT_RETENTION_DAYS": 90,
    "LOG_RETENTION_DAYS": 90,
    "PURGE_AFTER_DAYS": 7,
    "METRICS_TOKEN": "",
    "METRICS_PORT": None,
    "OTEL_EXPORTER_OTLP_ENDPOINT": "",
}
# Where a variable and what comes of it are called differently. The keys are made once: integration/test_start.py.
CALLED = {"EMAIL_URL": "ACCOUNT_EMAIL_VERIFICATION"}
KEYS = {"SECRET_KEY": "only-for-tests-0123456789", "FIELD_ENCRYPTION_KEYS": "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="}
# Not a developer's own .env.
ASKED = """
import environ, json, sys
environ.Env.read_env = lambda *_: None
from django.conf import settings
values = {name: getattr(settings, name) for name in sys.argv[1:]}
print(json.dumps(values, default=lambda value: list(value) if isinstance(value, (set, frozenset)) else str(value)))
"""


def without(**environment: str) -> dict[str, object]:
    """What a process has of these variables alone, beside the keys."""
    given = KEYS | {"PATH": os.environ["PATH"], "DJANGO_SETTINGS_MODULE": "datapusher.settings"} | environment
    asked = [sys.executable, "-c", ASKED, *PROMISED]
    done = subprocess.run(asked, cwd=ROOT, env=given, capture_output=True, text=True, timeout=60, check=True)
    return dict(json.loads(done.stdout))


def test_the_defaults_are_those_that_were_promised() -> None:
    assert {CALLED.get(name, name) for name in set(read()) - set(KEYS)} == set(PROMISED)
    assert without() == PROMISED


def test_with_a_database_url_nothing_of_this_machine_may_be_a_destination() -> None:
    changed = {"DATABASE_URL": "postgresql://user@host/name", "REDIS_URL": "redis://host:6379/0"}
    assert without(**changed) == PROMISED | changed | {"DESTINATION_ALLOWED_NETWORKS": []}
