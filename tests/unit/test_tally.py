"""Spans that cover a range, classes of latency, percentiles."""

from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.logs.selectors import whole_minutes
from apps.logs.tally import NOT_SENT, class_of, covering, percentile, start_of_span

MINUTE = timedelta(minutes=1)
BEGIN = datetime(2026, 11, 21, tzinfo=UTC)


@given(st.integers(0, 100_000), st.integers(0, 60_000))
def test_spans_cover_a_range_once_and_nothing_else(first: int, minutes: int) -> None:
    start = BEGIN + first * MINUTE
    spans = covering(start, start + minutes * MINUTE)
    at = start
    for span, since, until in spans:
        assert since == at < until
        assert since == start_of_span(since, span)
        assert until == start_of_span(until, span)
        at = until
    assert at == start + minutes * MINUTE
    assert sum((until - since) // timedelta(seconds=span) for span, since, until in spans) <= 2 * 59 + 2 * 23 + minutes // 1440


@given(st.integers(0, 10**12), st.integers(0, 10**12))
def test_whole_minutes_hold_what_was_asked_for_and_less_than_two_more(first: int, microseconds: int) -> None:
    since = BEGIN + timedelta(microseconds=first)
    until = since + timedelta(microseconds=microseconds)
    start, end = whole_minutes(since, until)
    assert start <= since <= until <= end < start + (until - since) + 2 * MINUTE
    assert sum((covered[2] - covered[1] for covered in covering(start, end)), timedelta()) == end - start


@given(st.lists(st.integers(0, 2**31 - 1), min_size=1), st.sampled_from([50, 95, 99]))
def test_a_percentile_is_within_5_percent_and_1_ms(latencies: list[int], percent: int) -> None:
    true = sorted(latencies)[-(-len(latencies) * percent // 100) - 1]
    told = percentile(Counter(map(class_of, latencies)), percent)
    assert told is not None
    assert abs(told - true) <= true * 0.05 + 1


@pytest.mark.parametrize("counts", [{}, {NOT_SENT: 3}], ids=["none", "none sent"])
def test_without_a_sent_try_there_is_no_percentile(counts: dict[int, int]) -> None:
    assert percentile(counts, 50) is None
