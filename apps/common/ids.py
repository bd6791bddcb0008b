"""Ids: UUIDv7 (RFC 9562), which sort by time and so keep indexes compact."""

import uuid

from uuid_utils.compat import uuid7 as _uuid7


def uuid7() -> uuid.UUID:
    return _uuid7()
