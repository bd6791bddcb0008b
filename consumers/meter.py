"""How many entries a second a socket shows. What is above is summed up, and told when the second is over."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from apps.logs.selectors import Entry

_WINDOW_S = 1.0


@dataclass(slots=True)
class Sum:
    """Entries that are not shown. Its range, inclusive, holds those too that the filter hides."""

    first: int
    last: int
    by_status: Counter[str] = field(default_factory=Counter)
    by_destination: Counter[str] = field(default_factory=Counter)

    def add(self, passing: Sequence[Entry], last: int) -> None:
        self.last = last
        self.by_status.update(entry.status for entry in passing)
        self.by_destination.update(entry.destination_id for entry in passing)


class Meter:
    """Of one socket. Times in seconds of a clock that never goes back."""

    def __init__(self, above: int | None) -> None:
        """None: everything is shown."""
        self._above = above
        self._began, self._shown = float("-inf"), 0
        self._sum: Sum | None = None

    def take(self, passing: Sequence[Entry], after: int, last: int, now: float) -> Sequence[Entry]:
        """Those that are shown now, the oldest; the others go to the sum, with the rest of the range up to `last`.

        `passing`: what passes the filter of the entries after `after` and up to `last`. Of the shown ones all come before
        the sum: while there is one, nothing is shown.
        """
        if self._above is None:
            return passing
        if self._sum is None and now - self._began >= _WINDOW_S:
            self._began, self._shown = now, 0
        room = 0 if self._sum is not None else self._above - self._shown
        shown, rest = passing[:room], passing[room:]
        self._shown += len(shown)
        if rest and self._sum is None:
            self._sum = Sum((shown[-1].cursor if shown else after) + 1, last)
        if self._sum is not None:
            self._sum.add(rest, last)
        return shown

    @property
    def sums_up(self) -> bool:
        return self._sum is not None

    def due_in(self, now: float) -> float | None:
        """Seconds until the sum is to be told; None: there is none."""
        return None if self._sum is None else max(0.0, self._began + _WINDOW_S - now)

    def told(self) -> Sum | None:
        """The sum, which is over with this."""
        done, self._sum = self._sum, None
        return done
