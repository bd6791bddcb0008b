"""Each check has a small size, which `make test` runs, and its full one, which `make chaos` runs and prints a table of."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.figures import HEADING, PROPERTY, Figures, add

_reported: list[tuple[str, list[str]]] = []
_failed: set[str] = set()


@pytest.fixture
def full(request: pytest.FixtureRequest) -> bool:
    """Whether this is the check at its full size."""
    return bool(getattr(request, "param", False))


@pytest.fixture
def figures(request: pytest.FixtureRequest) -> Iterator[Figures]:
    kept = Figures(judge_times=request.node.get_closest_marker("chaos") is not None)
    yield kept
    request.node.user_properties += kept.lines


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "full" in metafunc.fixturenames:
        sizes = [pytest.param(False, id="small"), pytest.param(True, id="full", marks=pytest.mark.chaos)]
        metafunc.parametrize("full", sizes, indirect=True)


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    if report.failed:
        _failed.add(report.nodeid)
    if report.when == "teardown" and (found := [text for name, text in report.user_properties if name == PROPERTY]):
        _reported.append((report.nodeid, [str(text) for text in found]))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if _reported:
        terminalreporter.section(HEADING)
    for check, found in _reported:
        name = check.rpartition("/")[2]
        terminalreporter.write_line(f"{name}: {', '.join(found)}")
        if table := os.environ.get("CHAOS_TABLE"):
            add(Path(table), name, "FAILED" if check in _failed else "passed", found)
