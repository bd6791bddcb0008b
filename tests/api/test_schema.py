"""The document: complete, true to itself, served to anybody, shown by pages that ask no other host."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from django.test import Client
from django.urls import URLPattern, get_resolver
from drf_spectacular.generators import SchemaGenerator
from jsonschema import Draft202012Validator
from rest_framework.views import APIView

from apps.common.api.schema import of_method
from tests.cast import Cast

Tree = dict[str, Any]


def rest_methods() -> Iterator[tuple[type[APIView], str]]:
    """Each view of /api/v1/ with each method that it has."""
    for resolver in get_resolver().url_patterns:
        for pattern in getattr(resolver, "url_patterns", ()):
            view = getattr(pattern.callback, "cls", None) if isinstance(pattern, URLPattern) else None
            if view is not None and issubclass(view, APIView):
                yield from (
                    (view, method) for method in view.http_method_names if hasattr(view, method) and method != "options"
                )


@pytest.fixture(scope="module")
def document() -> Tree:
    content: Tree = SchemaGenerator().get_schema(request=None, public=True)
    return content


def operations(document: Tree) -> Iterator[tuple[str, Tree]]:
    for path, methods in document["paths"].items():
        for method, each in methods.items():
            yield f"{method.upper()} {path}", each


def contents(document: Tree) -> Iterator[tuple[str, Tree]]:
    """Each body that is described: of requests, answers, errors, the webhook."""
    webhooks = ((name, each["post"]) for name, each in document["webhooks"].items())
    for place, each in [*operations(document), *webhooks]:
        bodies = {"body": each.get("requestBody", {})} | each["responses"]
        full = {f"{place} {name}": body["content"] for name, body in bodies.items() if "content" in body}
        yield from ((name, next(iter(content.values()))) for name, content in full.items())
    for name, each in document["components"]["responses"].items():
        yield name, each["content"]["application/json"]


def test_every_method_of_every_view_is_described(document: Tree) -> None:
    assert len(list(rest_methods())) == len([place for place, _ in operations(document) if " /api/v1/" in place]) > 20
    assert [(view.__name__, method) for view, method in rest_methods() if of_method(view, method) is None] == []


def test_every_operation_has_a_name_of_its_own_that_one_can_read(document: Tree) -> None:
    names = [each["operationId"] for _, each in operations(document)]
    assert len(set(names)) == len(names)
    assert [name for name in names if not re.fullmatch(r"[a-z]+(_[a-z]+)*", name)] == []


def test_every_operation_has_a_summary_its_errors_and_a_success(document: Tree) -> None:
    for place, each in operations(document):
        assert each["summary"], place
        assert {"429", "503"} <= each["responses"].keys(), place
        assert {"200", "201", "202", "204"} & each["responses"].keys(), place


def test_every_body_has_an_example(document: Tree) -> None:
    assert [place for place, body in contents(document) if "example" not in body] == []


def test_every_example_is_valid(document: Tree) -> None:
    wrong = [
        f"{place}: {error.json_path} {error.message}"
        for place, body in contents(document)
        for error in Draft202012Validator(body["schema"] | {"components": document["components"]}).iter_errors(body["example"])
    ]
    assert wrong == []


def test_a_write_takes_no_unknown_field_and_a_read_leaves_none_out(document: Tree) -> None:
    schemas = document["components"]["schemas"]
    sent = {name: shape for name, shape in schemas.items() if name.endswith("Request")}
    assert [name for name, shape in sent.items() if shape["additionalProperties"] is not False] == []
    account = schemas["Account"]
    assert set(account["required"]) == set(account["properties"]) >= {"account_id", "created_by"}


@pytest.mark.parametrize(
    ("accept", "answered", "begins"),
    [
        ("*/*", "application/vnd.oai.openapi", b"openapi: 3.1"),
        ("application/yaml", "application/yaml", b"openapi: 3.1"),
        ("application/json", "application/json", b"{"),
        ("application/vnd.oai.openapi+json", "application/vnd.oai.openapi+json", b"{"),
    ],
)
def test_the_document_is_served_to_anybody_as_they_prefer(accept: str, answered: str, begins: bytes) -> None:
    answer = Client().get("/api/schema/", headers={"Accept": accept})
    assert (answer.status_code, answer["Content-Type"], answer["Vary"]) == (200, answered, "Accept")
    assert answer.content.startswith(begins)
    again = Client().get("/api/schema/", headers={"Accept": accept, "If-None-Match": answer["ETag"]})
    assert (again.status_code, again["Cache-Control"]) == (304, "public, max-age=300")


def test_a_page_is_no_form_of_the_document() -> None:
    answer = Client().get("/api/schema/", headers={"Accept": "text/html"})
    assert (answer.status_code, answer.json()["code"]) == (406, "not_acceptable")


@pytest.mark.parametrize("path", ["/api/docs/", "/api/redoc/"])
def test_the_pages_take_everything_from_this_host(path: str) -> None:
    answer = Client().get(path)
    addresses = re.findall(r'(?:src|href|data-schema)="([^"]+)"', answer.content.decode())
    assert [address for address in addresses if not address.startswith(("/static/", "/api/"))] == []
    assert len(addresses) >= 4
    assert "style-src 'self' 'unsafe-inline'" in answer["Content-Security-Policy"]
    assert "script-src" not in answer["Content-Security-Policy"]


@pytest.mark.parametrize("path", ["/", "/user/login/", "/api/schema/", "/api/v1/roles/"])
def test_no_other_answer_has_their_wider_policy(cast: Cast, path: str) -> None:
    assert "unsafe-inline" not in Client().get(path)["Content-Security-Policy"]
