"""The live socket in the OpenAPI document: its path in words, its frames as schemas. A test holds them against protocol.py."""

from typing import Any

from consumers import protocol
from consumers.protocol import Close

PATH = "/ws/accounts/{account_id}/logs/"
_INTEGER, _TEXT = {"type": "integer", "minimum": 0}, {"type": "string"}
_MOMENT = {"type": "string", "format": "date-time"}
_RANGE: dict[str, dict[str, Any]] = {"from": _INTEGER, "to": _INTEGER}

_CODES = {
    Close.BAD_REQUEST: "bad request",
    Close.UNAUTHENTICATED: "unauthenticated or signed out",
    Close.REMOVED: "removed from the account",
    Close.NO_ACCOUNT: "no such account, or deleted",
}


def _frame(kind: str, about: str, optional: tuple[str, ...] = (), **fields: dict[str, Any]) -> dict[str, Any]:
    properties = {"type": {"const": kind}, **fields}
    required = [name for name in properties if name not in optional]
    return {"type": "object", "description": about, "properties": properties, "required": required}


FRAMES: dict[str, dict[str, Any]] = {
    "HelloFrame": _frame(
        "hello",
        "The first frame; sent again when the role changes. `reset`: it goes on from `cursor`, not from your `after`. "
        "`newest`: who has not reached this cursor is behind.",
        ("reset",),
        cursor=_INTEGER,
        newest=_INTEGER,
        epoch=_TEXT,
        oldest=_INTEGER,
        server_time=_MOMENT,
        role={"enum": ["Admin", "Normal user"]},
        limits={
            "type": "object",
            "additionalProperties": _INTEGER,
            "required": ["heartbeat_s", "behind_max", "frame_max_bytes", "sockets_max"],
        },
        reset={"const": True},
    ),
    "LogsFrame": _frame(
        "logs",
        "All logs that pass the filter after `after`, up to `cursor`, oldest first. Who is not at `after` reconnects.",
        after=_INTEGER,
        cursor=_INTEGER,
        entries={"type": "array", "items": {"type": "object", "description": "The log object, the same as in REST lists."}},
    ),
    "SummaryFrame": _frame(
        "summary",
        "In place of entries above `summary_above`, once a second: how many of the range pass the filter. `from` and `to` are "
        "inclusive: `logs/?cursor_after=<from - 1>&cursor_before=<to + 1>` has them.",
        (),
        **_RANGE,
        cursor=_INTEGER,
        by_status={"type": "object", "propertyNames": {"enum": ["success", "failed"]}, "additionalProperties": _INTEGER},
        by_destination={"type": "object", "additionalProperties": _INTEGER},
    ),
    "HeartbeatFrame": _frame("heartbeat", f"Every {protocol.HEARTBEAT_S} s.", cursor=_INTEGER),
    "ErrorFrame": _frame(
        "error",
        "Then the socket closes with this code. " + "; ".join(f"{int(code)}: {about}" for code, about in _CODES.items()) + ".",
        code={"enum": [int(code) for code in Close]},
        message=_TEXT,
    ),
}

_ABOUT = f"""
`{PATH}`: every try of the account's deliveries as it is logged, as text frames, one JSON object each
({", ".join(f"[{name}](#/components/schemas/{name})" for name in FRAMES)}). `cursor`: everything up to it has been considered.

Who connects is known by the session cookie, from our own origin only, or by `Sec-WebSocket-Protocol: {protocol.VERSION},
{protocol.BEARER}<access token>`, which then alone counts; the answer selects `{protocol.VERSION}`.

Query: `after=<cursor>` to resume (absent: from now), `epoch=` beside it; `status=`, `destination_id=`, `search=` to filter,
as in REST, but that a search sees an event at once, not when it is indexed; `summary_above=<entries a second>`, 1 to
{protocol.SUMMARY_MAX}: what comes above it is summed up (absent: never; nor is what is caught up when the socket opens).
Who reconnects with the last `cursor` sees every log exactly once. To us: frames of at most {protocol.FRAME_MAX} bytes; at most
{protocol.SOCKETS_MAX} sockets a user; {protocol.BEHIND_MAX} logs behind at most, else `reset`.
"""


def describe(result: dict[str, Any], **_: Any) -> dict[str, Any]:
    """drf-spectacular's POSTPROCESSING_HOOK."""
    schemas = result["components"]["schemas"] | FRAMES
    result["components"]["schemas"] = dict(sorted(schemas.items()))
    used = (tag for path in result["paths"].values() for operation in path.values() for tag in operation["tags"])
    result["tags"] = [*({"name": tag} for tag in dict.fromkeys(used)), {"name": "live", "description": _ABOUT.strip()}]
    return result
