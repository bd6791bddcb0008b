"""A worker's seats, and the lane beside them for what hangs."""

from uuid import UUID, uuid4

from pytest_django import Settings

from apps.deliveries.lanes import Lanes


def enter(lanes: Lanes, number: int, destination: UUID, now: float, account: UUID | None = None) -> list[UUID]:
    made = [uuid4() for _ in range(number)]
    for delivery in made:
        lanes.enter(delivery, destination, account or UUID(int=1), now)
    return made


def test_what_hangs_for_a_second_leaves_its_seat() -> None:
    lanes = Lanes()
    first = enter(lanes, 400, uuid4(), now=0)
    assert (lanes.free(0.9), lanes.free(1.1)) == (0, 400)
    for delivery in first:
        lanes.leave(delivery)
    assert lanes.free(1.1) == 400


def test_what_is_too_much_for_the_slow_lane_keeps_its_seat(settings: Settings) -> None:
    settings.WORKER_SLOW_SEATS = 100
    lanes = Lanes()
    enter(lanes, 300, uuid4(), now=0)
    assert lanes.free(2) == 400 - 200


def test_ten_that_hang_make_a_destination_slow_and_two_when_half_of_the_lane_is_taken(settings: Settings) -> None:
    settings.WORKER_SLOW_SEATS = 50
    lanes, many, few, one = Lanes(), uuid4(), uuid4(), uuid4()
    enter(lanes, 10, many, now=0)
    enter(lanes, 2, few, now=0)
    enter(lanes, 1, one, now=0)
    assert (lanes.hanging(0.5), lanes.hanging(2)) == ([], [many])
    enter(lanes, 20, many, now=0)
    assert set(lanes.hanging(2)) == {many, few}


def test_who_has_three_quarters_leaves_the_rest_to_others_and_so_do_these() -> None:
    lanes, accounts, held = Lanes(), [uuid4() for _ in range(4)], list[list[UUID]]()
    for account in accounts:
        assert account not in lanes.crowding(lanes.free(0))
        held.append(enter(lanes, lanes.share(lanes.free(0)), uuid4(), 0, account))
        assert account in lanes.crowding(lanes.free(0))
    assert ([len(each) for each in held], lanes.free(0)) == ([300, 75, 19, 5], 1)
    for delivery in held[1]:
        lanes.leave(delivery)
    assert lanes.crowding(lanes.free(0)) == {accounts[0]}
