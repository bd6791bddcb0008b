"""`.env.example` names every variable that is read, with the default that the code has."""

import ast
import re
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
    assert set(example()) - of_compose() == set(read())
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
