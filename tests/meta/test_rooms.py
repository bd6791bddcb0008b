"""What import-linter's contracts in pyproject.toml can't say about who may import whom."""

import ast
from collections.abc import Iterator
from pathlib import Path

import grimp
import pytest

ROOT = Path(__file__).parents[2]
OPEN_ROOMS = {"services", "selectors", "policies", "models", "signals"}
OPEN_BESIDES = {("logs", "broadcast"), ("deliveries", "doorbell")}
FRONT_MAY = {("deliveries", "engine")}
NO_ORM_NO_CHANNELS = ("retry", "request", "signing", "network")


@pytest.fixture(scope="module")
def graph() -> grimp.ImportGraph:
    return grimp.build_graph("apps", "consumers", cache_dir=None)


def crossings(graph: grimp.ImportGraph, importers: str) -> Iterator[tuple[str, str, str]]:
    """(importer, app, room) of each import from outside of an app into one of its rooms; common is everybody's."""
    for importer in sorted(graph.modules):
        home = importer.split(".")
        for imported in sorted(graph.find_modules_directly_imported_by(importer)):
            place = imported.split(".")
            crosses = home[0] == importers and place[0] == "apps" and len(place) > 2 and home[:2] != place[:2]
            if crosses and place[1] != "common":
                yield importer, place[1], ".".join(place[2:4]) if place[2] == "api" else place[2]


def test_apps_use_only_the_open_rooms_of_other_apps(graph: grimp.ImportGraph) -> None:
    closed = [
        each
        for each in crossings(graph, "apps")
        if each[2] not in OPEN_ROOMS and each[1:] not in OPEN_BESIDES and not within_the_api(*each)
    ]
    assert closed == []


def within_the_api(importer: str, app: str, room: str) -> bool:
    """An API shows or lists another app's resource: by the same serializer and filters, or they would be said twice."""
    return importer.split(".")[2] == "api" and room in {"api.serializers", "api.filters"}


def test_the_front_uses_only_what_it_may(graph: grimp.ImportGraph) -> None:
    may = OPEN_BESIDES | FRONT_MAY
    closed = [
        each
        for each in crossings(graph, "consumers")
        if each[2] not in OPEN_ROOMS - {"models", "signals"} and each[1:] not in may
    ]
    assert closed == []


@pytest.mark.parametrize("room", NO_ORM_NO_CHANNELS)
def test_the_pure_rooms_know_neither_orm_nor_channels(room: str) -> None:
    file = ROOT / "apps" / "deliveries" / f"{room}.py"
    nodes = list(ast.walk(ast.parse(file.read_text(encoding="utf-8"))))
    names = [alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names]
    froms = [node for node in nodes if isinstance(node, ast.ImportFrom)]
    names += [f"{node.module}.{alias.name}" for node in froms for alias in node.names]
    assert [name for name in names if name.startswith(("django.db", "channels"))] == []
