"""Every frame that crosses the socket (contract, §4). `cursor`: everything up to it has been considered, shown or not."""

from collections.abc import Iterator, Mapping, Sequence
from enum import IntEnum
from functools import lru_cache
from typing import Any

import orjson

from apps.logs.selectors import Entry

VERSION = "datapusher.v1"
BEARER = "bearer."
HEARTBEAT_S = 15
BEHIND_MAX = 5000  # entries; who is further behind is reset
FRAME_MAX = 4096  # bytes from the browser
SOCKETS_MAX = 20  # for one user
OPENS_A_MINUTE = 120  # for one user: each of 20 sockets cut every ten seconds
ENTRIES_MAX = 500  # in one frame
FRAME_OUT_MAX = 262_144  # bytes of entries in one frame; Daphne ends a socket at 1 MiB
SEARCH_MAX = 200  # characters, as in REST
SUMMARY_MAX = 10_000  # entries a second above which a summary can be asked for
_FRAMES_KEPT = 32  # that sockets at the same place share: 8 MiB at most


class Close(IntEnum):
    BAD_REQUEST = 4400
    UNAUTHENTICATED = 4401
    REMOVED = 4403
    NO_ACCOUNT = 4404


def hello(*, cursor: int, newest: int, epoch: str, oldest: int, server_time: str, role: str, reset: bool) -> str:
    frame: dict[str, Any] = {
        "type": "hello",
        "cursor": cursor,
        "newest": newest,
        "epoch": epoch,
        "oldest": oldest,
        "server_time": server_time,
        "role": role,
        "limits": {
            "heartbeat_s": HEARTBEAT_S,
            "behind_max": BEHIND_MAX,
            "frame_max_bytes": FRAME_MAX,
            "sockets_max": SOCKETS_MAX,
        },
    }
    return _text(frame | ({"reset": True} if reset else {}))


def logs(*, after: int, cursor: int, entries: Sequence[Entry]) -> str:
    """All entries that pass the filter after `after`, up to `cursor`. Their JSON is finished: a number is never rewritten."""
    return _logs(after, cursor, tuple(entries))


@lru_cache(maxsize=_FRAMES_KEPT)
def _logs(after: int, cursor: int, entries: tuple[Entry, ...]) -> str:
    """Made once for all sockets that show the same."""
    finished = [orjson.Fragment(entry.json) for entry in entries]
    return _text({"type": "logs", "after": after, "cursor": cursor, "entries": finished})


def summary(*, first: int, last: int, by_status: Mapping[str, int], by_destination: Mapping[str, int]) -> str:
    """In place of the entries of the range, inclusive, that pass the filter: how many they are."""
    counts = {"by_status": dict(by_status), "by_destination": dict(by_destination)}
    return _text({"type": "summary", "from": first, "to": last, "cursor": last, **counts})


def frames(entries: Sequence[Entry]) -> Iterator[Sequence[Entry]]:
    """The entries in parts of at most 256 KiB, at least one in each."""
    start = size = 0
    for number, entry in enumerate(entries):
        if number > start and size + len(entry.json) > FRAME_OUT_MAX:
            yield entries[start:number]
            start, size = number, 0
        size += len(entry.json)
    yield entries[start:]


def heartbeat(*, cursor: int) -> str:
    return _text({"type": "heartbeat", "cursor": cursor})


def error(*, code: Close, message: str) -> str:
    return _text({"type": "error", "code": int(code), "message": message})


def _text(frame: dict[str, Any]) -> str:
    return orjson.dumps(frame).decode()
