"""The moving window of one process."""

from hypothesis import given, settings
from hypothesis import strategies as st

from apps.common.rate import Ask, MovingWindow

ALICE, BOB = Ask("alice", 5), Ask("bob", 5)


def allows(window: MovingWindow, ask: Ask, now: float) -> bool:
    return not window.wait(ask, now)


def test_the_sixth_post_of_a_second_is_refused_and_a_slot_is_free_one_second_after_its_post() -> None:
    window = MovingWindow()
    assert [allows(window, ALICE, 10 + tenth / 10) for tenth in range(6)] == [True] * 5 + [False]
    assert not allows(window, ALICE, 10.99)
    assert allows(window, ALICE, 11.0)
    assert not allows(window, ALICE, 11.05)
    assert allows(window, ALICE, 11.1)


def test_what_was_refused_uses_up_nothing() -> None:
    window = MovingWindow()
    allowed = [allows(window, ALICE, 10.0) for _ in range(100)]
    assert sum(allowed) == 5
    assert allows(window, ALICE, 11.0)


def test_one_account_does_not_use_up_the_rate_of_another() -> None:
    window = MovingWindow()
    for _ in range(10):
        allows(window, ALICE, 10.0)
    assert allows(window, BOB, 10.0)


@given(gaps=st.lists(st.floats(0, 0.6), max_size=60), limit=st.integers(1, 7))
@settings(max_examples=200, derandomize=True, deadline=None)
def test_no_second_ever_holds_more_than_the_limit(gaps: list[float], limit: int) -> None:
    window, now, taken = MovingWindow(), 100.0, list[float]()
    for gap in gaps:
        now += gap
        recent = [moment for moment in taken if now - moment < 1]
        assert allows(window, Ask("alice", limit), now) is (len(recent) < limit)
        if len(recent) < limit:
            taken.append(now)


def test_who_is_refused_learns_when_there_is_room_also_with_a_long_window() -> None:
    window, twenty_a_day = MovingWindow(), Ask("alice", 20, window_s=86_400)
    assert [window.wait(twenty_a_day, float(second)) for second in range(20)] == [0.0] * 20
    assert window.wait(twenty_a_day, 1000.0) == 85_400.0
    assert window.wait(twenty_a_day, 86_400.0) == 0.0
