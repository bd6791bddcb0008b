"""`make bench`: how much the product takes and delivers, beside a bare prototype in the same run on the same cores.

It prints one table and writes it to docs/benchmarks.md, with a chart of latency against load. Exits with 1 when the yardstick
itself is out of order, when an event was lost or refused, or when the product falls below the share of it that we promise.
"""

import argparse
import sys
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

from tests.benchmarks.report import DOCS, chart, latency_table, machine, table
from tests.benchmarks.runs import FourWorkers, Product, Run, TwoWorkers, UnderDaphne, bare, hello, latencies, product, team
from tests.benchmarks.strain import Strain, strain_table, strains, too_slow
from tests.benchmarks.traffic import CONNECTIONS, programs
from tests.integration.product import Embedded

# Of bare uvicorn's answers a second the bare prototype reaches so much on a machine in order.
_YARDSTICK_MIN = 0.12
_SHARE_MIN = 0.66
_EMBEDDED_MIN = 1000


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--accounts", type=int, default=1000)
    parser.add_argument(
        "--rates", default="200", help="posts a second at which latencies are measured; half of the full rate is added"
    )
    parser.add_argument(
        "--brief", action="store_true", help="only the bare prototype and the product under uvicorn; writes nothing"
    )
    parser.add_argument("--logs", type=int, default=10_000_000, help="logs in the table of one more run")
    parser.add_argument("--due", type=int, default=1_000_000, help="deliveries of one account that are due in one more run")
    options = parser.parse_args()
    programs()
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        directory.chmod(0o755)
        return _measure(directory, options)


def _measure(directory: Path, options: argparse.Namespace) -> int:
    tokens = directory / "none"
    tokens.write_text("x\n")
    alone = hello(directory, tokens, 5)
    yardstick = bare(directory, tokens, options.seconds)
    print(f"uvicorn alone {alone:,.0f}/s\n{table(yardstick, [yardstick])}", flush=True)
    kinds: list[type[Product] | type[Embedded]] = [Product]
    if not options.brief:
        kinds += [UnderDaphne, TwoWorkers, FourWorkers, Embedded]
    runs = [_shown(partial(product, kind, directory, options.seconds, options.accounts), yardstick) for kind in kinds]
    full = runs[0].both
    if not options.brief:
        runs.append(_shown(partial(team, directory, options.seconds, options.accounts), yardstick))
    paced = latencies(directory, options.accounts, [*map(float, options.rates.split(",")), full / 2], 20)
    print(latency_table(paced), flush=True)
    strained = list[Strain]()
    if not options.brief:
        strained = list(strains(directory, options.seconds, options.accounts, options.logs, options.due))
        print(strain_table(strained, runs[0]), flush=True)
        (DOCS / "benchmarks.svg").write_text(chart(paced))
        page = _page(alone, yardstick, runs, latency_table(paced), strain_table(strained, runs[0]))
        (DOCS / "benchmarks.md").write_text(page)
    wrong = [*_wrong(alone, yardstick, runs), *too_slow(strained, runs[0])]
    print("\n".join(wrong) or "as promised")
    return bool(wrong)


def _shown(measure: Callable[[], Run], yardstick: Run) -> Run:
    run = measure()
    print(table(yardstick, [run]).splitlines()[-1], flush=True)
    return run


def _wrong(alone: float, yardstick: Run, runs: list[Run]) -> list[str]:
    own = [run for run in runs if run.name != "team"]
    found = [
        f"{run.name}: lost {run.lost}, refused {run.posted.refused}, broken {run.posted.broken}" for run in own if run.errors
    ]
    if yardstick.both < _YARDSTICK_MIN * alone:
        found.append(f"the yardstick reached {yardstick.both / alone:.3f} of uvicorn alone: it measures nothing")
    if runs[0].both < _SHARE_MIN * yardstick.both:
        found.append(f"{runs[0].name}: {runs[0].both / yardstick.both:.2f} x bare, promised {_SHARE_MIN}")
    found += [f"{run.name}: {run.both:,.0f}/s, promised {_EMBEDDED_MIN}" for run in own if _is_slow(run)]
    return found


def _is_slow(run: Run) -> bool:
    return run.name == Embedded.__name__ and run.both < _EMBEDDED_MIN


def _page(alone: float, yardstick: Run, runs: list[Run], paced: str, strained: str) -> str:
    return f"""# Benchmarks
Written by `make bench`. {machine()}

PostgreSQL 18 with synchronous commit on, Valkey, web, worker, the sender (wrk, {CONNECTIONS} connections) and the
receiver (nginx) all share these cores. Bodies of 300 to 500 bytes, one destination an account, every feature on.
Read the ratios, not the rates.
`bare` stores and sends without token, limit, signature, lease or log; uvicorn alone answered {alone:,.0f}/s. `Product` is the
Procfile with one worker, `Embedded` is `make run` on SQLite, `team` the same job with a Django view, the ORM, Celery and
requests. `accepted/s` and `delivered/s` are both at once, while the sender posts as fast as it can; `x bare` compares the
lower of the two; `all through/s` counts until the last event had arrived.

{table(yardstick, [yardstick, *runs])}

Milliseconds at a steady load, from when a post was due to its answer, and to its first byte at the receiver:

{paced}

![latency against load](benchmarks.svg)

Under strain, beside what `Product` reached above:

{strained}
"""


if __name__ == "__main__":
    sys.exit(main())
