"""How tries are counted, in spans of time and classes of latency, and deliveries, on slips. Pure."""

import math
import struct
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from uuid import UUID

from apps.logs.models import KINDS, REMOVED

# A minute, an hour, a day: any range of whole minutes is a few minutes, a few hours and some days.
SPANS_S = (60, 3600, 86_400)
NOT_SENT = -1
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_GROWTH = math.log(1.1)


@lru_cache(maxsize=1024)
def start_of_span(moment: datetime, span_s: int) -> datetime:
    """The span's beginning at or before the moment."""
    span = timedelta(seconds=span_s)
    return EPOCH + (moment - EPOCH) // span * span


def covering(start: datetime, end: datetime, spans: Sequence[int] = SPANS_S) -> list[tuple[int, datetime, datetime]]:
    """(span, from, until) that together are exactly the whole minutes from start until end: as few spans as can be."""
    *smaller, span = spans
    first, last = start_of_span(start + timedelta(seconds=span, microseconds=-1), span), start_of_span(end, span)
    if start >= end:
        return []
    if first >= last:
        return covering(start, end, smaller)
    inner = (span, first, last)
    return [*covering(start, first, smaller), inner, *covering(last, end, smaller)] if smaller else [inner]


@lru_cache(maxsize=1024)
def class_of(latency_ms: int | None) -> int:
    """Each class is a tenth wider than the one before, so that what is read from them is within 5 % (and 1 ms) of the truth."""
    if latency_ms is None:
        return NOT_SENT
    return 0 if latency_ms < 1 else 1 + round(math.log(latency_ms) / _GROWTH)


def percentile(counts: Mapping[int, int], percent: int) -> int | None:
    """The latency in ms that so many percent of the sent tries did not exceed (nearest rank). None: none was sent.

    `counts`: class of latency -> tries.
    """
    sent = sorted((each, count) for each, count in counts.items() if each != NOT_SENT)
    rank = -(-percent * sum(count for _, count in sent) // 100)
    for latency_class, count in sent:
        rank -= count
        if rank <= 0:
            return 0 if latency_class == 0 else round(math.exp((latency_class - 1) * _GROWTH))
    return None


Counted = Mapping[tuple[UUID, UUID, str], int]
"""(account, destination, kind) -> deliveries"""

_LINE = struct.Struct("!33sI")
_NAMES = (*KINDS, *REMOVED)


def packed(counts: Counted) -> bytes:
    """37 bytes for each: 400 accounts in one transaction are one row of 15 KB."""
    return b"".join(
        _LINE.pack(account.bytes + destination.bytes + bytes([_NAMES.index(kind)]), count)
        for (account, destination, kind), count in counts.items()
    )


def unpacked(slips: Iterable[bytes]) -> Counter[tuple[UUID, UUID, str]]:
    """The sum of them. Read as UUIDs only when it is added up: that is most of the work."""
    sums = Counter[bytes]()
    for lines in slips:
        for key, count in _LINE.iter_unpack(lines):
            sums[key] += count
    found = Counter[tuple[UUID, UUID, str]]()
    for key, count in sums.items():
        found[UUID(bytes=key[:16]), UUID(bytes=key[16:32]), _NAMES[key[32]]] = count
    return found


def columns_of_kind(name: str) -> tuple[str, ...]:
    """The columns of a flow that count what a line names: what was removed was once accepted."""
    return ("accepted", name.removeprefix("removed ")) if name in REMOVED else (name,)


def lines_of(slip: bytes) -> int:
    return len(slip) // _LINE.size
