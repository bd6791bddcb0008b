"""Every frame that crosses the socket (contract, §4). `cursor`: everything up to it has been considered, shown or not."""

from collections.abc import Iterator, Sequence
from enum import IntEnum
from typing import Any

import orjson

from apps.logs.selectors import Entry

VERSION = "datapusher.v1"
BEARER = "bearer."
HEARTBEAT_S = 15
BEHIND_MAX = 5000  # entries; who is further behind is reset
FRAME_MAX = 4096  # bytes from the browser
SOCKETS_MAX = 20  # for one user
ENTRIES_MAX = 500  # in one frame
FRAME_OUT_MAX = 262_144  # bytes of entries in one frame; Daphne ends a socket at 1 MiB


class Close(IntEnum):
    BAD_REQUEST = 4400
    UNAUTHENTICATED = 4401
    REMOVED = 4403
    NO_ACCOUNT = 4404


def hello(*, cursor: int, epoch: str, oldest: int, server_time: str, role: str, reset: bool) -> str:
    frame: dict[str, Any] = {
        "type": "hello",
        "cursor": cursor,
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
    finished = [orjson.Fragment(entry.json) for entry in entries]
    return _text({"type": "logs", "after": after, "cursor": cursor, "entries": finished})


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
