"""The lock is the truth: pyproject.toml and requirements/ must say the same (`make requirements` writes them)."""

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
LOCK = tomllib.loads((ROOT / "uv.lock").read_text(encoding="utf-8"))
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
PACKAGES: list[dict[str, Any]] = LOCK["package"]
US = next(each for each in PACKAGES if each["name"] == "datapusher")

Pin = tuple[str, str]


def locked(dependency: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The package, in each of the versions that the lock holds for different Pythons."""
    for package in PACKAGES:
        if package["name"] == dependency["name"] and dependency.get("version") in {None, package["version"]}:
            yield package


def closure(dependencies: list[dict[str, Any]]) -> set[Pin]:
    pins: set[Pin] = set()
    seen: set[tuple[str, str, tuple[str, ...]]] = set()
    waiting = list(dependencies)
    while waiting:
        dependency = waiting.pop()
        extras = tuple(dependency.get("extra", ()))
        for package in locked(dependency):
            key = (package["name"], package["version"], extras)
            if key in seen:
                continue
            seen.add(key)
            pins.add(key[:2])
            waiting += package.get("dependencies", [])
            for extra in extras:
                waiting += package.get("optional-dependencies", {}).get(extra, [])
    return pins


def exported(name: str) -> dict[Pin, set[str]]:
    """Each pinned version with its hashes."""
    pins: dict[Pin, set[str]] = {}
    hashes: set[str] = set()
    for line in (ROOT / "requirements" / name).read_text(encoding="utf-8").splitlines():
        if pin := re.match(r"([a-z0-9-]+)(?:\[[^]]*\])?==([^ ;\\]+)", line):
            hashes = pins.setdefault((pin[1], pin[2]), set())
        elif line.lstrip().startswith("--hash="):
            hashes.add(line.split("=", 1)[1].rstrip(" \\"))
    return pins


def wanted(requirement: Requirement) -> tuple[str, frozenset[str], str, str]:
    marker = re.sub(r"\s*extra == '[a-z]+'", "", str(requirement.marker or "").replace('"', "'")).removesuffix(" and")
    marker = marker.replace("python_full_version", "python_version")  # as the lock writes it
    return canonicalize_name(requirement.name), frozenset(requirement.extras), str(requirement.specifier), marker


def of_lock(entry: dict[str, Any]) -> tuple[str, frozenset[str], str, str]:
    marker = f"; {entry['marker']}" if "marker" in entry else ""
    extras = f"[{','.join(entry['extras'])}]" if "extras" in entry else ""
    return wanted(Requirement(f"{entry['name']}{extras}{entry.get('specifier', '')}{marker}"))


MAIN: list[dict[str, Any]] = US["dependencies"]
EXTRAS: list[dict[str, Any]] = [each for extra in US["optional-dependencies"].values() for each in extra]
TOOLS: list[dict[str, Any]] = US["dev-dependencies"]["dev"]


@pytest.mark.parametrize(
    ("name", "dependencies"),
    [("base.txt", MAIN), ("prod.txt", MAIN + EXTRAS), ("dev.txt", MAIN + EXTRAS + TOOLS)],
)
def test_the_export_holds_what_the_lock_holds(name: str, dependencies: list[dict[str, Any]]) -> None:
    assert set(exported(name)) == closure(dependencies)


@pytest.mark.parametrize("name", ["base.txt", "prod.txt", "dev.txt"])
def test_the_export_has_the_hashes_of_the_lock(name: str) -> None:
    for package in PACKAGES:
        files = [*package.get("wheels", []), *([package["sdist"]] if "sdist" in package else [])]
        hashes = exported(name).get((package["name"], package.get("version", "")))
        assert hashes is None or hashes == {each["hash"] for each in files}, package["name"]


def test_the_lock_knows_what_the_project_asks_for() -> None:
    extras = PROJECT["project"]["optional-dependencies"].values()
    texts = [*PROJECT["project"]["dependencies"], *(each for own in extras for each in own)]
    asked = {wanted(Requirement(each)) for each in texts}
    assert {of_lock(each) for each in US["metadata"]["requires-dist"]} == asked


def test_the_lock_knows_the_tools() -> None:
    asked = {wanted(Requirement(each)) for each in PROJECT["dependency-groups"]["dev"]}
    assert {of_lock(each) for each in US["metadata"]["requires-dev"]["dev"]} == asked
