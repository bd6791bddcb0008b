"""ops/: what dashboards and alerts ask about is what the product says."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client import REGISTRY

from apps.common import metrics

ROOT = Path(__file__).parents[2]
OPS = ROOT / "ops"
OPERATIONS = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
ALERTS: list[dict[str, Any]] = [
    rule for group in yaml.safe_load((OPS / "alerts.yml").read_text())["groups"] for rule in group["rules"]
]
DASHBOARD: dict[str, Any] = json.loads((OPS / "grafana-dashboard.json").read_text())

# What in an expression is no name of a metric: texts, selectors, spans, lists of labels, functions, numbers, words.
NO_NAME = re.compile(
    r'"[^"]*"|\{[^}]*\}|\[[^]]*\]|\b(?:by|on)\s*\([^)]*\)|\b\w+(?=\s*\()|\b[0-9.]+\b|\b(?:and|by|on|sum|max|count)\b'
)


def names_in(expression: str) -> set[str]:
    return set(re.findall(r"[A-Za-z_:]\w*", NO_NAME.sub(" ", expression)))


def queries() -> Iterator[str]:
    yield from (rule["expr"] for rule in ALERTS)
    yield from (target["expr"] for panel in DASHBOARD["panels"] for target in panel.get("targets", ()))


def written() -> set[str]:
    """The lines that Prometheus gets of each metric of this process."""
    ends = {"histogram": ("_bucket", "_count", "_sum"), "counter": ("_total",), "info": ("_info",)}
    return {family.name + end for family in REGISTRY.collect() for end in ends.get(family.type, ("",))}


def test_every_metric_that_is_asked_for_exists() -> None:
    asked = set.union(*map(names_in, queries()))
    assert len(asked) > 20
    assert sorted(asked - written()) == []


def test_every_bucket_that_is_asked_for_exists() -> None:
    bounds = {bound for query in queries() for bound in re.findall(r'le="([^"]+)"', query)}
    assert bounds == {"0.05", "1.0"}
    assert set(map(float, bounds)) <= set(metrics.BUCKETS)


def test_every_alert_says_what_it_means_and_what_to_do() -> None:
    said = {rule["alert"] for rule in ALERTS if rule["annotations"].keys() == {"summary", "description"}}
    assert len(said) == len(ALERTS)
    assert {rule["labels"]["severity"] for rule in ALERTS} == {"page", "ticket"}


def test_the_documentation_names_each_metric_and_each_alert() -> None:
    own = {family.name for family in REGISTRY.collect() if family.name.startswith("datapusher")}
    assert [name for name in sorted(own) if f"`{name}" not in OPERATIONS] == []
    assert [rule["alert"] for rule in ALERTS if rule["alert"] not in OPERATIONS] == []


def test_no_label_could_name_an_account() -> None:
    labels = {name for family in REGISTRY.collect() for sample in family.samples for name in sample.labels}
    own = {"status", "step", "error", "found", "hint", "lane", "queue", "state", "le", "version", "python"}
    assert labels - own <= {"generation", "implementation", "major", "minor", "patchlevel"}  # of the library's own


def test_panels_do_not_overlap() -> None:
    taken = [
        (panel["gridPos"]["x"] + x, panel["gridPos"]["y"] + y)
        for panel in DASHBOARD["panels"]
        for x in range(panel["gridPos"]["w"])
        for y in range(panel["gridPos"]["h"])
    ]
    assert len(taken) == len(set(taken))
    assert max(x for x, _ in taken) < 24


@pytest.mark.parametrize(
    ("expression", "names"), [('a_b{c="d"}[5m]', {"a_b"}), ("sum by (le) (rate(x_y[1h])) > 1.5 * 2", {"x_y"})]
)
def test_names_are_told_from_the_rest(expression: str, names: set[str]) -> None:
    assert names_in(expression) == names
