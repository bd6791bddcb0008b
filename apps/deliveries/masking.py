"""A receiver may echo what it was sent: the destination's own header values never enter a log."""

import json
from urllib.parse import quote

import orjson

MASK = "********"
# Shorter values (a flag, a number) are no secrets, and masking them would garble every answer.
_SECRET_MIN = 4
_ALWAYS = frozenset({"set-cookie", "authorization"})
BODY_MAX = 1024  # bytes kept of an answer
_HEADERS_MAX = 50
_HEADER_MAX = 1024  # characters kept of one header value


def _spellings(values: list[str]) -> list[str]:
    """The values, the words in them (`Bearer abc` → `abc`), and how JSON and URLs write them; longest first."""
    found = set()
    for value in values:
        for part in (value, *value.split()):
            if len(part) >= _SECRET_MIN:
                found |= {part, json.dumps(part)[1:-1], quote(part, safe="")}
    return sorted(found, key=len, reverse=True)


def mask_body(body: bytes, own_values: list[str]) -> bytes:
    """The first 1 KiB, masked. Give more than 1 KiB, or a secret that the cut halves stays readable."""
    for spelling in _spellings(own_values):
        body = body.replace(spelling.encode(), MASK.encode())
    return body[:BODY_MAX]


def mask_headers(headers: tuple[tuple[str, str], ...], own_values: list[str]) -> bytes:
    """A JSON object of at most 50 headers, masked; repeated names are joined by a comma."""
    spellings = _spellings(own_values)
    kept: dict[str, str] = {}
    for name, value in headers[:_HEADERS_MAX]:
        shown = MASK if name.lower() in _ALWAYS else _without(value, spellings)[:_HEADER_MAX]
        kept[name] = f"{kept[name]}, {shown}" if name in kept else shown
    return orjson.dumps(kept)


def _without(text: str, spellings: list[str]) -> str:
    for spelling in spellings:
        text = text.replace(spelling, MASK)
    return text
