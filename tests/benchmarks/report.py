"""What a run of the benchmark prints and writes: one table, and one chart of rate and latency against load."""

import math
import os
import platform
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from tests.benchmarks.pace import Paced, percentile
from tests.benchmarks.runs import Run

DOCS = Path(__file__).parents[2] / "docs"
_VERSIONS = ("django", "channels", "daphne", "uvicorn", "uvloop", "psycopg", "aiohttp", "redis")


def table(yardstick: Run, runs: Sequence[Run]) -> str:
    head = (
        "| | accepted/s | delivered/s | x bare | all through/s | SQL an event: web, worker | answer p50, p99, ms |"
        " refused, broken | lost |\n|---|---:|---:|---:|---:|---:|---:|---:|---:|"
    )
    return "\n".join([head, *(_row(run, yardstick) for run in runs)])


def _row(run: Run, yardstick: Run) -> str:
    sql = f"{run.statements[0]:.3f}, {run.statements[1]:.3f}" if run.statements else ""
    posted = run.posted
    return (
        f"| {run.name} | {posted.rate:,.0f} | {run.delivered:,.0f} | {run.both / yardstick.both:.2f} | "
        f"{run.through:,.0f} | {sql} | "
        f"{posted.p50:.0f}, {posted.p99:.0f} | {posted.refused}, {posted.broken} | {run.lost} |"
    )


def latency_table(paced: Sequence[Paced]) -> str:
    head = "| posts/s | answer p50 | p99 | arrival p50 | p99 | refused | lost |\n|---:|---:|---:|---:|---:|---:|---:|"
    return "\n".join([head, *(_latency_row(each) for each in paced)])


def _latency_row(each: Paced) -> str:
    cells = [f"{percentile(values, percent):.1f}" for values in (each.answers, each.arrivals) for percent in (50, 99)]
    return f"| {each.rate:,.0f} | {' | '.join(cells)} | {each.refused} | {each.lost} |"


def machine() -> str:
    model = next((line.partition(":")[2].strip() for line in _cpuinfo() if line.startswith("model name")), platform.machine())
    libraries = ", ".join(f"{name} {version(name)}" for name in _VERSIONS)
    today = datetime.now(UTC).date().isoformat()
    load = ", ".join(f"{each:.1f}" for each in os.getloadavg())
    own = f"{os.cpu_count()} x {model}, Python {platform.python_version()}"
    return f"{today}, {own}, {libraries}. Load average at the end: {load}."


def _cpuinfo() -> list[str]:
    path = Path("/proc/cpuinfo")
    return path.read_text().splitlines() if path.exists() else []


_WIDE, _HIGH, _LEFT, _TOP = 640, 320, 60, 20


def chart(paced: Sequence[Paced]) -> str:
    """Milliseconds (each line ten times the one below it) against posts a second."""
    most = max(each.rate for each in paced)
    lines = [
        ("answer p50", "#2563eb", [percentile(each.answers, 50) for each in paced]),
        ("answer p99", "#93c5fd", [percentile(each.answers, 99) for each in paced]),
        ("arrival p50", "#b45309", [percentile(each.arrivals, 50) for each in paced]),
        ("arrival p99", "#fcd34d", [percentile(each.arrivals, 99) for each in paced]),
    ]
    parts = [_grid(power) for power in range(5)]
    parts += [_mark(each.rate, most) for each in paced]
    for place, (name, colour, values) in enumerate(lines):
        points = " ".join(f"{_x(each.rate, most):.0f},{_y(value):.0f}" for each, value in zip(paced, values, strict=True))
        parts.append(f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="2"/>')
        parts.append(f'<text x="{_LEFT + 12}" y="{_TOP + 16 + 16 * place}" fill="{colour}">{name}</text>')
    title = "Milliseconds from the post to its answer, and to its arrival at the receiver, by posts a second"
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDE} {_HIGH}" font-family="sans-serif" font-size="12" '
        f'role="img" aria-label="{title}"><rect width="100%" height="100%" fill="white"/>\n' + "\n".join(parts) + "\n</svg>\n"
    )


def _x(rate: float, most: float) -> float:
    return _LEFT + (_WIDE - _LEFT - 20) * rate / most


def _y(milliseconds: float) -> float:
    """0.1 ms at the bottom, a second at the top, each power of ten as high as the others."""
    bottom = _HIGH - 40
    power = 0.0 if milliseconds <= 0.1 else min(4.0, math.log10(milliseconds) + 1)
    return bottom - (bottom - _TOP) * power / 4


def _grid(power: int) -> str:
    y = _y(10.0 ** (power - 1))
    return (
        f'<line x1="{_LEFT}" x2="{_WIDE - 20}" y1="{y:.0f}" y2="{y:.0f}" stroke="#e5e7eb"/>'
        f'<text x="{_LEFT - 8}" y="{y + 4:.0f}" text-anchor="end">{10.0 ** (power - 1):g} ms</text>'
    )


def _mark(rate: float, most: float) -> str:
    return f'<text x="{_x(rate, most):.0f}" y="{_HIGH - 18}" text-anchor="middle">{rate:,.0f}</text>'
