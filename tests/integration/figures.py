"""What a check measured, for the table at the end of the run.

`python -m tests.integration.figures FILE COMMAND` begins the table that the command keeps there: where and with what it was
measured.
"""

import os
import platform
import sys
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

HEADING = "What was measured"
PROPERTY = "figure"


@dataclass
class Figures:
    """`figures.show("lost", 0)` prints; `figures.at_most("p99 start, s", 0.8, 1.5)` prints and fails when it is over."""

    judge_times: bool
    """Times are judged at full size only, on a machine that does nothing else."""
    lines: list[tuple[str, str]] = field(default_factory=list)

    def show(self, name: str, value: object) -> None:
        self.lines.append((PROPERTY, f"{name} {value:.3g}" if isinstance(value, float) else f"{name} {value}"))

    def at_most(self, name: str, value: float, limit: float) -> None:
        self.show(f"{name} (≤ {limit:g})", float(value))
        assert not self.judge_times or value <= limit, f"{name}: {value:.3g} is over {limit:g}"


def begin(file: Path, command: str) -> None:
    packages = ", ".join(f"{name} {version(name)}" for name in ("Django", "channels", "channels-redis", "aiohttp", "psycopg"))
    machine = f"{os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}"
    file.write_text(
        f"""# What the checks measured
Written by `{command}` on {datetime.now(UTC):%Y-%m-%d}: {machine}, {packages}.
A check that was run again alone has replaced its line.
What each check does stands in [failure-model.md](failure-model.md). In brackets: the limit.

| check | came out | measured |
|---|---|---|
""",
    )


def add(file: Path, check: str, outcome: str, lines: list[str]) -> None:
    """In the place of the check's earlier line, if it has one."""
    start = f"| `{check}` |"
    own = f"{start} {outcome} | {'; '.join(lines).replace('|', '&#124;')} |"
    there = file.read_text().splitlines()
    table = [own if line.startswith(start) else line for line in there]
    file.write_text("\n".join(table if own in table else [*table, own]) + "\n")


if __name__ == "__main__":
    begin(Path(sys.argv[1]), sys.argv[2])
