"""A worker's seats: those for everybody, and a lane beside them for what has been in the air for long."""

from collections import Counter
from collections.abc import Iterator
from uuid import UUID

from django.conf import settings

# A destination is slow with so many tries in the slow lane; when half of the lane is taken, with so few.
_SLOW = 10
_SLOW_WHEN_NARROW = 2


class Lanes:
    """Times are of the loop's clock."""

    def __init__(self) -> None:
        self._in_air: dict[UUID, tuple[float, UUID]] = {}
        """delivery -> when its try began, its destination; the oldest first."""

    def enter(self, delivery: UUID, destination: UUID, now: float) -> None:
        self._in_air[delivery] = now, destination

    def leave(self, delivery: UUID) -> None:
        self._in_air.pop(delivery, None)

    def free(self, now: float) -> int:
        """Seats for new tries. What is too much for the slow lane keeps the seat that it has."""
        if len(self._in_air) < settings.WORKER_SEATS // 2:  # nothing to look for
            return settings.WORKER_SEATS - len(self._in_air)
        slow = sum(1 for _ in self._slow(now))
        return settings.WORKER_SEATS - len(self._in_air) + min(slow, settings.WORKER_SLOW_SEATS)

    def hanging(self, now: float) -> list[UUID]:
        """The destinations that take up the slow lane."""
        held = Counter(self._slow(now))
        narrow = held.total() > settings.WORKER_SLOW_SEATS // 2
        return [destination for destination, number in held.items() if number >= (_SLOW_WHEN_NARROW if narrow else _SLOW)]

    def _slow(self, now: float) -> Iterator[UUID]:
        """The destination of each try in the slow lane."""
        for began, destination in self._in_air.values():
            if now - began < settings.WORKER_SLOW_S:
                return
            yield destination
