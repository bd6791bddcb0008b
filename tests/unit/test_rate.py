"""The moving window of one process."""

from uuid import UUID

from hypothesis import given, settings
from hypothesis import strategies as st

from apps.ingest.rate import Ask, MovingWindow

ALICE, BOB = Ask(UUID(int=1), 5), Ask(UUID(int=2), 5)


def test_the_sixth_post_of_a_second_is_refused_and_a_slot_is_free_one_second_after_its_post() -> None:
    window = MovingWindow()
    assert [window.allow(ALICE, 10 + tenth / 10) for tenth in range(6)] == [True] * 5 + [False]
    assert not window.allow(ALICE, 10.99)
    assert window.allow(ALICE, 11.0)
    assert not window.allow(ALICE, 11.05)
    assert window.allow(ALICE, 11.1)


def test_what_was_refused_uses_up_nothing() -> None:
    window = MovingWindow()
    allowed = [window.allow(ALICE, 10.0) for _ in range(100)]
    assert sum(allowed) == 5
    assert window.allow(ALICE, 11.0)


def test_one_account_does_not_use_up_the_rate_of_another() -> None:
    window = MovingWindow()
    for _ in range(10):
        window.allow(ALICE, 10.0)
    assert window.allow(BOB, 10.0)


@given(gaps=st.lists(st.floats(0, 0.6), max_size=60), limit=st.integers(1, 7))
@settings(max_examples=200, derandomize=True, deadline=None)
def test_no_second_ever_holds_more_than_the_limit(gaps: list[float], limit: int) -> None:
    window, now, taken = MovingWindow(), 100.0, list[float]()
    for gap in gaps:
        now += gap
        recent = [moment for moment in taken if now - moment < 1]
        assert window.allow(Ask(UUID(int=1), limit), now) is (len(recent) < limit)
        if len(recent) < limit:
            taken.append(now)
