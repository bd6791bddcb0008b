"""The numbers for operators: how times are counted, and who may read them."""

import pytest
from django.conf import LazySettings
from prometheus_client import REGISTRY, Histogram

from apps.common.metrics import BUCKETS, Spread, Times
from apps.deliveries.exposition import refusal

SECONDS = [0.0, 0.0005, 0.001, 0.00101, 0.05, 0.0500001, 1.0, 2.2, 29.9, 30.0, 31.0, 86_400.0]


def lines(name: str) -> list[tuple[dict[str, str], float]]:
    """Of all series of this name, without the name."""
    return [(each.labels, each.value) for family in REGISTRY.collect() for each in family.samples if each.name == name]


def test_times_are_counted_as_the_library_counts_them() -> None:
    theirs = Histogram("test_theirs_seconds", "Theirs", buckets=BUCKETS)
    ours = Times("test_ours_seconds", "Ours")
    try:
        for each in SECONDS:
            theirs.observe(each)
            ours.observe(each)
        for end in ("bucket", "count", "sum"):
            assert lines(f"test_ours_seconds_{end}") == lines(f"test_theirs_seconds_{end}")
    finally:
        REGISTRY.unregister(theirs)
        REGISTRY.unregister(ours)


def test_each_value_of_a_label_has_times_of_its_own() -> None:
    ours = Times("test_ours_seconds", "Ours", "status", ("202", "503"))
    try:
        ours.of["503"].observe(2.2)
        assert lines("test_ours_seconds_count") == [({"status": "202"}, 0.0), ({"status": "503"}, 1.0)]
    finally:
        REGISTRY.unregister(ours)


def test_a_time_beyond_the_last_bucket_is_counted() -> None:
    spread = Spread()
    spread.observe(1e9)
    assert (spread.counts[-1], spread.total) == (1, 1e9)


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("127.0.0.1", None), ("127.8.8.8", None), ("::1", None), ("localhost", None), ("::ffff:127.0.0.1", None),
        ("0.0.0.0", 404), ("::", 404), ("10.0.0.7", 404), ("push.example.com", 404), ("localhost.example.com", 404),
    ],
)  # fmt: skip
def test_without_a_token_only_a_loopback_address_answers(settings: LazySettings, host: str, status: int | None) -> None:
    settings.METRICS_TOKEN, settings.HOST = "", host
    assert refusal("") == refusal("Bearer x") == status


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        ("Bearer hunter2", None), ("bearer hunter2", None), ("Bearer  hunter2 ", None),
        ("", 401), ("hunter2", 401), ("Bearer", 401), ("Bearer ", 401), ("Bearer hunter", 401), ("Bearer hunter22", 401),
        ("Basic hunter2", 401), ("Bearer é\udcff", 401), ("Bearer \x00hunter2", 401),
    ],
    ids=ascii,
)  # fmt: skip
@pytest.mark.parametrize("host", ["127.0.0.1", "0.0.0.0"])
def test_with_a_token_only_who_sends_it_reads(settings: LazySettings, host: str, sent: str, status: int | None) -> None:
    settings.METRICS_TOKEN, settings.HOST = "hunter2", host
    assert refusal(sent) == status
