"""Whether the database's clock can be believed when it says that a lease has ended."""

import logging
import time
from datetime import datetime

from apps.deliveries.selectors import database_now

logger = logging.getLogger(__name__)

# Seconds by which it may move against this machine's. A worker stops dialling 15 s before the end of its lease.
_MOVED_S = 10.0
# A look that took longer than this says nothing: the machine stood still, or the database did.
_LOOK_MAX_S = 5.0


def since_boot() -> float:
    """Seconds of a clock that also runs while the machine sleeps, so that a lease is never thought alive when it is not."""
    return time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))


class Watch:
    """Compares the database's clock with this machine's, from one look to the next."""

    def __init__(self) -> None:
        self._offset: float | None = None
        self._believed_from = 0.0  # by the clock since boot

    def look(self, longest_lease_s: float) -> datetime | None:
        """The database's time; None for the length of a lease after it was set: what looks expired may be alive."""
        before = since_boot()
        now = database_now()
        if since_boot() - before > _LOOK_MAX_S:
            return None
        offset = now.timestamp() - before
        if self._offset is not None and abs(offset - self._offset) >= _MOVED_S:
            logger.warning("the database's clock was set by %+.0f s: leases wait", offset - self._offset)
            self._believed_from = before + longest_lease_s
        self._offset = offset
        return now if before >= self._believed_from else None
