"""A receiver may echo what it was sent: the destination's own header values never enter a log."""

import json
import re
from dataclasses import dataclass
from functools import lru_cache
from html import escape
from urllib.parse import quote

import orjson

from apps.common.fields import MASK
from apps.deliveries.request import OutboundRequest, Outcome, Shown

# Shorter values (a flag, a number) are no secrets, and masking them would garble every answer.
_SECRET_MIN = 4
_LONG = 500_000  # characters of the answer times spellings looked for
_ALWAYS = frozenset({"set-cookie", "authorization"})
BODY_MAX = 1024  # bytes kept of an answer
_HEADERS_MAX = 50
_HEADER_MAX = 1024  # characters kept of one header value
_HEADERS_TOTAL_MAX = 16_384  # characters of all header values that are looked at
_WORDS_MAX = 8  # the longest words of one value; a value of hundreds would cost seconds at each try


@lru_cache(maxsize=256)  # asked at each try; a value may have 4 KiB
def _spellings(values: tuple[str, ...]) -> list[str]:
    """The values, the words in them (`Bearer abc` → `abc`), and how JSON and URLs write them; longest first."""
    found = set()
    for value in values:
        for part in (value, *sorted(value.split(), key=len, reverse=True)[:_WORDS_MAX]):
            if len(part) >= _SECRET_MIN:
                found |= _writings(part)
    return sorted(found, key=len, reverse=True)


def _writings(part: str) -> set[str]:
    """As it is, and as the usual writers of JSON (PHP escapes /, Go and .NET what HTML knows), URLs and HTML put it."""
    json_text = json.dumps(part)[1:-1]
    quoted = quote(part, safe="")
    found = {part, escape(part), json_text, json_text.replace("/", "\\/")}
    found |= {quoted, quote(part), quote(part, safe="!*'()"), quoted.replace("%20", "+")}
    found |= {re.sub("%[0-9A-F]{2}", lambda match: match[0].lower(), text) for text in (quoted, quote(part))}
    go = re.sub("[<>&]", lambda match: f"\\u{ord(match[0]):04x}", json_text)
    net = re.sub("[<>&+'`]", lambda match: f"\\u{ord(match[0]):04X}", json_text).replace('\\"', "\\u0022")
    return found | {go, net}


def mask(outcome: Outcome, headers: dict[str, str]) -> Shown:
    """What a log keeps of the answer, without the destination's own header values."""
    own_values = list(headers.values())
    return Shown(mask_headers(outcome.response_headers, own_values), mask_body(outcome.response_body, own_values))


def is_long(outcome: Outcome, headers: dict[str, str]) -> bool:
    """Whether masking takes milliseconds: then it is no work for the event loop."""
    answer = len(outcome.response_body) + sum(len(value) for _, value in outcome.response_headers)
    return answer * len(_spellings(tuple(headers.values()))) > _LONG


def mask_body(body: bytes, own_values: list[str]) -> bytes:
    """The first 1 KiB, masked. Give more than 1 KiB, or a secret that the cut halves stays readable."""
    spellings = [spelling.encode() for spelling in _spellings(tuple(own_values))]
    may_be_cut = len(body) > BODY_MAX
    for spelling in spellings:
        body = body.replace(spelling, MASK.encode())
    for spelling in spellings if may_be_cut else ():
        body = _less_beginning(body, spelling)
    return body[:BODY_MAX]


def _less_beginning(body: bytes, spelling: bytes) -> bytes:
    """Without a beginning of the secret at the end: masks are short, and draw what was halved there into the first 1 KiB."""
    for length in range(min(len(spelling), len(body)), 0, -1):
        if body.endswith(spelling[:length]):
            return body[:-length]
    return body


def mask_headers(headers: tuple[tuple[str, str], ...], own_values: list[str]) -> bytes:
    """A JSON object of at most 50 headers, masked; repeated names are joined by a comma."""
    spellings = _spellings(tuple(own_values))
    kept: dict[str, str] = {}
    looked_at = 0
    for name, value in headers[:_HEADERS_MAX]:
        looked_at += len(value)
        if looked_at > _HEADERS_TOTAL_MAX:
            break
        shown = MASK if name.lower() in _ALWAYS else _without(value, spellings)[:_HEADER_MAX]
        kept[name] = f"{kept[name]}, {shown}" if name in kept else shown
    return orjson.dumps(kept)


def _without(text: str, spellings: list[str]) -> str:
    for spelling in spellings:
        text = text.replace(spelling, MASK)
    return text


@dataclass(frozen=True, slots=True)
class Sent:
    method: str
    url: str
    headers: dict[str, str]
    """The destination's own values masked."""
    body: str | None


def as_sent(request: OutboundRequest, own: dict[str, str]) -> Sent:
    """The request for the eye."""
    headers = {name: MASK if name in own else value for name, value in request.headers}
    return Sent(request.method, request.url, headers, None if request.body is None else request.body.decode())
