"""The id that ties a request, its answer and its log line together."""

import re

from apps.common.ids import uuid7

_WELL_FORMED = re.compile(r"[A-Za-z0-9._-]{1,128}")


def choose(sent: str) -> str:
    """The sender's own id when it is 1-128 characters of `A-Za-z0-9._-`, else a new one."""
    return sent if _WELL_FORMED.fullmatch(sent) else str(uuid7())
