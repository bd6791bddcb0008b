"""Where a try's time went, as a bar and in words. static/js/phases.js draws the same."""

from collections.abc import Mapping
from dataclasses import dataclass

from apps.deliveries.request import Phases
from apps.logs.models import Log

_WORDS: Mapping[str, str] = {"dns": "DNS", "connect": "connect", "tls": "TLS", "first_byte": "first byte"}
# Of the whole bar: what took less is seen too.
_LEAST = 0.015
# Milliseconds by which whole numbers may miss the whole.
_ROUNDED = 3


@dataclass(frozen=True, slots=True)
class Part:
    look: str
    words: str
    before: float
    """0 to 100, and its own."""
    share: float


@dataclass(frozen=True, slots=True)
class Bar:
    parts: list[Part]
    kept: bool
    """Whether it went over a connection that was there."""
    answered: bool


def bar(of: Log | Phases, latency_ms: int | None) -> Bar | None:
    """None: nothing is known. What the parts leave of the whole stays empty: waiting for an answer, or reading it."""
    values = {name: getattr(of, f"{name}_ms") for name in _WORDS}
    known = {name: ms for name, ms in values.items() if ms is not None}
    if not known:
        return None
    rest = (latency_ms or 0) - sum(known.values())
    rest = rest if rest > _ROUNDED else 0
    least = (sum(known.values()) + rest) * _LEAST
    widths = {name: max(ms, least) if ms else 0 for name, ms in known.items()}
    one = 100 / ((sum(widths.values()) + rest) or 1)
    parts, before = list[Part](), 0.0
    for name, ms in known.items():
        unit = " ms" if name == list(known)[-1] else ""
        share = widths[name] * one
        parts.append(Part(name.replace("_", "-"), f"{_WORDS[name]} {ms:,}{unit}", round(before, 2), round(share, 2)))
        before += share
    return Bar(parts, values["connect"] is None and "first_byte" in known, "first_byte" in known)
