"""Every number that operators can watch, with its meaning and unit. No label names an account, an address or an event.

What is counted is counted once a batch. Only times are noted for each post and try, by `Times`, which costs them 0.3 µs.
"""

import platform
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from math import nan

from prometheus_client import REGISTRY, Counter, Gauge, Histogram, Info, disable_created_metrics
from prometheus_client.core import HistogramMetricFamily
from prometheus_client.utils import floatToGoString

from apps.common.codes import Error
from apps.common.version import __version__

disable_created_metrics()  # a second line for each counter, of which no query makes use

# Seconds. The objectives (docs/operations.md) are bounds of their own: 50 ms and 1 s; the longest time limit of a try is 30 s.
BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)


class Spread:
    """How many times fell into each bucket, and their sum."""

    __slots__ = ("counts", "total")

    def __init__(self) -> None:
        self.counts, self.total = [0] * (len(BUCKETS) + 1), 0.0

    def observe(self, seconds: float) -> None:
        self.counts[bisect_left(BUCKETS, seconds)] += 1
        self.total += seconds


class Times:
    """A histogram that one event loop fills: without the lock and the search of the library's own, which takes seven times as
    long at each observation (timeit). `values`: all that the label can say."""

    def __init__(self, name: str, meaning: str, label: str = "", values: Sequence[str] = ("",)) -> None:
        self._name, self._meaning, self._labels = name, meaning, [label] if label else []
        self.of = {value: Spread() for value in values}
        self.observe = self.of[values[0]].observe
        REGISTRY.register(self)

    def collect(self) -> Iterator[HistogramMetricFamily]:
        family = HistogramMetricFamily(self._name, self._meaning, labels=self._labels)
        for value, spread in self.of.items():
            family.add_metric([value] if self._labels else [], list(_cumulated(spread.counts)), spread.total)
        yield family

    describe = collect


def _cumulated(counts: Sequence[int]) -> Iterator[tuple[str, float]]:
    """As the format wants it: each bucket holds those below it too."""
    total = 0
    for bound, count in zip((*BUCKETS, float("inf")), counts, strict=True):
        total += count
        yield floatToGoString(bound), total


def _counter(name: str, meaning: str, label: str, values: Iterable[str]) -> Counter:
    """With all its series from the start: one that is not there yet is no zero to an alert."""
    counter = Counter(name, meaning, [label])
    for value in values:
        counter.labels(value)
    return counter


def _unknown(name: str, meaning: str) -> Gauge:
    """What the database says. NaN while it says nothing: an old number would look like a new one."""
    gauge = Gauge(name, meaning)
    gauge.set(nan)
    return gauge


# Accepting
STATUSES = tuple(map(str, (200, 202, 400, 401, 405, 409, 413, 429, 503)))
POST_SECONDS = Times(
    "datapusher_post_seconds",
    "Posts by the status of their answer, and the seconds that each took us, without those of a sender that sends slowly",
    label="status",
    values=STATUSES,
)
POSTS_A_BATCH = Histogram(
    "datapusher_stored_batch_posts", "Posts stored in one transaction", buckets=(1, 2, 5, 10, 20, 50, 100, 200, 400)
)

# Deliveries
DELIVERIES = _counter(
    "datapusher_deliveries",
    "Deliveries that began (accepted, by a post or a replay) or ended (delivered, failed, cancelled)",
    "step",
    ("accepted", "delivered", "failed", "cancelled"),
)
TRIES = _counter(
    "datapusher_tries", "Tries that were recorded, by their error", "error", (each.value or "none" for each in Error)
)
TRY_SECONDS = Times("datapusher_try_seconds", "Seconds from dialling until the answer was read, or the try was given up")
START_SECONDS = Times(
    "datapusher_start_seconds",
    "Seconds from accepting an event until its first try was sent, to destinations that nothing holds back",
)

# The worker
CLAIMS = _counter("datapusher_claims", "Looks for work, by what was found", "found", ("some", "none"))
CLAIMED = Counter("datapusher_claimed_deliveries", "Deliveries that were claimed")
CLAIM_SECONDS = Histogram("datapusher_claim_seconds", "Seconds that a look for work took", buckets=BUCKETS)
RECORDED_BATCH = Histogram(
    "datapusher_recorded_batch_tries", "Tries recorded in one transaction", buckets=(1, 2, 5, 10, 20, 50, 100, 200, 400)
)
RECORD_SECONDS = Histogram(
    "datapusher_record_seconds", "Seconds from the first attempt to record a batch until it stood", buckets=BUCKETS
)
IN_AIR = Gauge("datapusher_tries_in_air", "Tries that this worker has in the air")
KEPT = Gauge("datapusher_results_kept", "Results in this worker's hand that the database does not have yet")
GIVEN_BACK = Counter("datapusher_given_back", "Claims given back untried, for a cause on our side")
LEASES_LOST = Counter("datapusher_leases_lost", "Leases that ended without a result: their worker died or hung")

# Between the processes
BROADCAST_SECONDS = Times(
    "datapusher_broadcast_seconds", "Seconds from a commit until a live socket's process heard of it (by the clocks of both)"
)
SOCKETS = Gauge("datapusher_sockets", "Live sockets of this process that are signed in")
HINTS_LOST = _counter(
    "datapusher_hints_lost",
    "What Redis did not take: rings, broadcasts; and batches of posts or sockets whose rate this process counted alone",
    "hint",
    ("doorbell", "broadcast", "rate"),
)
LANE_SECONDS = Histogram(
    "datapusher_lane_wait_seconds",
    "Seconds that work waited for a thread with a database connection",
    ["lane"],
    buckets=BUCKETS,
)

# What the database says, read by whoever is asked, at most once in 5 s: the same from every process
DATABASE_UP = Gauge("datapusher_database_up", "1: the database answered the last time it was asked; 0: it did not, in 2 s")
WORKERS = _unknown("datapusher_workers", "Workers that looked for work in the last 30 s")
BACKLOG = Gauge(
    "datapusher_backlog",
    "Deliveries that wait: ready for a claim, later for their time, held by a destination that is paused or approached slowly",
    ["queue"],
)
OLDEST_DUE = _unknown(
    "datapusher_oldest_due_seconds", "How long the longest of those that could go has waited since it was due"
)
BREAKERS = Gauge("datapusher_breakers", "Destinations whose breaker is not closed", ["state"])
SNAPSHOT = _unknown(
    "datapusher_oldest_snapshot_seconds", "Age of the oldest transaction that keeps PostgreSQL from clearing dead rows"
)

Info("datapusher", "Which version runs").info({"version": __version__, "python": platform.python_version()})
