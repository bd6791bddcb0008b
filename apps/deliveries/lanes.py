"""A worker's seats: those for everybody, and a lane beside them for what has been in the air for long."""

from collections import Counter
from collections.abc import Iterator
from uuid import UUID

from django.conf import settings

# A destination is slow with so many tries in the slow lane; when half of the lane is taken, with so few.
_SLOW = 10
_SLOW_WHEN_NARROW = 2
# An account has at most so many times as many tries in the air as there are free seats: alone it gets three quarters of them,
# and however many accounts hang, something is left for the next one. A switch shares its buffer so (Choudhury, Hahne, 1998).
_PART = 3


class Lanes:
    """Times are of the loop's clock."""

    def __init__(self) -> None:
        self._in_air: dict[UUID, tuple[float, UUID, UUID]] = {}
        """delivery -> when its try began, its destination, its account; the oldest first."""
        self._of_account = Counter[UUID]()

    def enter(self, delivery: UUID, destination: UUID, account: UUID, now: float) -> None:
        self._in_air[delivery] = now, destination, account
        self._of_account[account] += 1

    def leave(self, delivery: UUID) -> None:
        if (found := self._in_air.pop(delivery, None)) is not None:
            account = found[2]
            self._of_account[account] -= 1
            if not self._of_account[account]:
                del self._of_account[account]

    def free(self, now: float) -> int:
        """Seats for new tries. What is too much for the slow lane keeps the seat that it has."""
        if len(self._in_air) < settings.WORKER_SEATS // 2:  # nothing to look for
            return settings.WORKER_SEATS - len(self._in_air)
        slow = sum(1 for _ in self._slow(now))
        return settings.WORKER_SEATS - len(self._in_air) + min(slow, settings.WORKER_SLOW_SEATS)

    @staticmethod
    def share(free: int) -> int:
        """How many of the free seats one account may take at once."""
        return -(-free * _PART // (_PART + 1))

    def crowding(self, free: int) -> frozenset[UUID]:
        """The accounts that leave too few seats free to take more."""
        return frozenset(account for account, number in self._of_account.items() if number >= _PART * free)

    def hanging(self, now: float) -> list[UUID]:
        """The destinations that take up the slow lane."""
        held = Counter(self._slow(now))
        narrow = held.total() > settings.WORKER_SLOW_SEATS // 2
        return [destination for destination, number in held.items() if number >= (_SLOW_WHEN_NARROW if narrow else _SLOW)]

    def _slow(self, now: float) -> Iterator[UUID]:
        """The destination of each try in the slow lane."""
        for began, destination, _ in self._in_air.values():
            if now - began < settings.WORKER_SLOW_S:
                return
            yield destination
