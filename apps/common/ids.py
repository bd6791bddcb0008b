"""Ids: UUIDv7 (RFC 9562), which sort by time and so keep indexes compact."""

import uuid
from datetime import UTC, datetime, timedelta

from uuid_utils.compat import uuid7 as _uuid7


def uuid7() -> uuid.UUID:
    return _uuid7()


def first_at(moment: datetime) -> uuid.UUID:
    """Smaller than every id that is made at this moment or later, as far as the clocks of who made them are right."""
    milliseconds = (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1)
    return uuid.UUID(int=milliseconds << 80)
