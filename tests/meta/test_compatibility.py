"""A client of the last release goes on working. The comparer first, then the documents.

docs/openapi.released.yaml is a copy, made with each release: a clone without its tags has it, and a review sees it change.
"""

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.meta.compatibility import breaks

DOCS = Path(__file__).parents[2] / "docs"
THING = {
    "type": "object",
    "properties": {
        "name": {"type": "string", "maxLength": 9},
        "kind": {"enum": ["a", "b"]},
        "size": {"type": ["integer", "null"]},
    },
    "required": ["name"],
}
ANSWER = {"type": "object", "properties": {"data": {"$ref": "#/components/schemas/Thing"}}, "required": ["data"]}
OLD: dict[str, Any] = {
    "paths": {
        "/things/": {
            "get": {"parameters": [{"in": "query", "name": "kind", "schema": {"type": "string"}}], "responses": {"204": {}}},
            "post": {
                "requestBody": {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/ThingRequest"}}}},
                "responses": {"201": {"content": {"application/json": {"schema": ANSWER}}}},
            },
        }
    },
    "components": {"schemas": {"Thing": THING, "ThingRequest": copy.deepcopy(THING)}},
}


def changed(change: Callable[[Any], object]) -> dict[str, Any]:
    new = copy.deepcopy(OLD)
    change(new)
    return new


def of(name: str) -> Callable[[Any], Any]:
    return lambda document: document["components"]["schemas"][name]


SENT, GIVEN = of("ThingRequest"), of("Thing")
GET: Callable[[Any], Any] = lambda document: document["paths"]["/things/"]["get"]  # noqa: E731
NEEDED = {"in": "query", "name": "new", "required": True, "schema": {}}


@pytest.mark.parametrize(
    ("change", "line"),
    [
        (lambda new: new["paths"].clear(), "POST /things/: removed"),
        (lambda new: new["paths"]["/things/"].pop("get"), "GET /things/: removed"),
        (lambda new: GET(new)["parameters"].clear(), "GET /things/ kind: removed"),
        (lambda new: GET(new)["parameters"].append(NEEDED), "GET /things/ new: now required"),
        (lambda new: GET(new)["responses"].clear(), "GET /things/ 204: removed"),
        (lambda new: SENT(new)["properties"].pop("size"), "POST /things/ body.size: removed"),
        (lambda new: SENT(new)["required"].append("kind"), "POST /things/ body.kind: now required"),
        (lambda new: SENT(new)["properties"]["kind"]["enum"].pop(), "POST /things/ body.kind: no longer ['b']"),
        (lambda new: SENT(new)["properties"]["name"].update(maxLength=8), "POST /things/ body.name: an upper bound fell"),
        (lambda new: SENT(new)["properties"]["name"].update(minLength=1), "POST /things/ body.name: a lower bound rose"),
        (
            lambda new: SENT(new)["properties"]["size"].update(type="integer"),
            "POST /things/ body.size: type ['integer', 'null'] became ['integer']",
        ),
        (lambda new: GIVEN(new)["properties"].pop("size"), "POST /things/ 201.data.size: removed"),
        (lambda new: GIVEN(new)["required"].clear(), "POST /things/ 201.data.name: may now be missing"),
        (
            lambda new: GIVEN(new)["properties"]["name"].update(type=["string", "null"]),
            "POST /things/ 201.data.name: type ['string'] became ['null', 'string']",
        ),
    ],
)
def test_what_breaks_a_client_is_named(change: Callable[[Any], object], line: str) -> None:
    assert line in list(breaks(OLD, changed(change)))


@pytest.mark.parametrize(
    "change",
    [
        lambda new: new["paths"].update({"/more/": {"get": {"responses": {}}}}),
        lambda new: GET(new)["parameters"].append(NEEDED | {"required": False}),
        lambda new: SENT(new)["properties"]["kind"]["enum"].append("c"),
        lambda new: SENT(new)["properties"].update(more={"type": "string"}),
        lambda new: SENT(new)["properties"]["name"].update(maxLength=10),
        lambda new: GIVEN(new)["properties"].update(more={"type": "string"}),
        lambda new: GIVEN(new)["properties"]["kind"]["enum"].append("c"),
        lambda new: GIVEN(new)["properties"]["size"].update(type="integer"),
    ],
    ids=range(8),
)
def test_what_only_grows_breaks_nobody(change: Callable[[Any], object]) -> None:
    assert list(breaks(OLD, changed(change))) == []


def test_the_document_breaks_no_client_of_the_last_release() -> None:
    released, now = (yaml.safe_load((DOCS / name).read_text()) for name in ("openapi.released.yaml", "openapi.yaml"))
    assert list(breaks(released, now)) == []
