"""Any stream of entries: what is shown and what is summed up make it whole, in order; at most so many are shown a second."""

from collections import Counter
from itertools import pairwise

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from apps.logs.selectors import Entry
from consumers.meter import Meter, Sum

PARTS = st.lists(st.tuples(st.floats(0, 0.7), st.integers(1, 12), st.integers(0, 3)), max_size=25)


def entries(after: int, number: int) -> list[Entry]:
    cursors = range(after + 1, after + 1 + number)
    return [Entry(cursor, "success" if cursor % 3 else "failed", f"d{cursor % 2}", "{}") for cursor in cursors]


@settings(deadline=None, suppress_health_check=list(HealthCheck))  # slow machines
@given(parts=PARTS, above=st.integers(1, 8))
def test_nothing_is_lost_and_nothing_is_too_much(parts: list[tuple[float, int, int]], above: int) -> None:
    meter, now, cursor, came, told = Meter(above), 0.0, 0, list[Entry](), list[Entry | Sum]()
    windows: Counter[int] = Counter()
    for wait, number, hidden in parts:
        now += wait
        if meter.due_in(now) == 0:
            told += [done for done in [meter.told()] if done]
        part = entries(cursor, number)
        passing = part[hidden:]
        shown = meter.take(passing, cursor, part[-1].cursor, now)
        windows[round(meter._began * 1000)] += len(shown)
        told += shown
        came += passing
        cursor = part[-1].cursor
    told += [done for done in [meter.told()] if done]
    whole = sum(sum(each.by_status.values()) if isinstance(each, Sum) else 1 for each in told)
    assert whole == len(came)
    assert max(windows.values(), default=0) <= above
    places = [(each.first, each.last) if isinstance(each, Sum) else (each.cursor, each.cursor) for each in told]
    assert all(before[1] < after[0] for before, after in pairwise(places))


def test_without_a_rate_all_is_shown_and_nothing_is_due() -> None:
    meter, part = Meter(None), entries(0, 500)
    assert meter.take(part, 0, 500, 0.0) == part
    assert (meter.due_in(0.0), meter.told()) == (None, None)
