"""The way of an event as a trace, where OTEL_EXPORTER_OTLP_ENDPOINT is set. Where it is not, each step costs one comparison.

An event's trace is the sender's own, where the post brought a `traceparent`, else one made of the event's id. Nothing more is
stored for it: whoever has the event knows the trace, and the span that accepted it.
"""

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from importlib import import_module
from typing import Literal
from uuid import UUID

logger = logging.getLogger(__name__)

Name = Literal["accept", "store", "claim", "deliver", "record"]


@dataclass(frozen=True, slots=True)
class Step:
    """Times in seconds since 1970, by this machine's clock."""

    name: Name
    began: float
    ended: float
    facts: Mapping[str, str | int] = field(default_factory=dict)
    error: str = ""
    span: int = 0
    """Its id; 0: any. `accept` has the one that the event names."""


@dataclass(slots=True)
class _Out:
    """Where the steps of an event (its id, its `traceparent`) go."""

    send: Callable[[UUID, str, Sequence[Step]], None] | None = None


_out = _Out()


def start() -> None:
    """Raises ImportError where the extra `otel` is not installed."""
    _out.send = import_module("apps.common.otel").Exporter().send


def on() -> bool:
    return _out.send is not None


def send(event: UUID, traceparent: str, steps: Sequence[Step]) -> None:
    """Never raises: a trace that cannot be made costs the event nothing."""
    if _out.send is not None:
        try:
            _out.send(event, traceparent, steps)
        except Exception:
            logger.exception("a trace was not made")


def trace_of(event: UUID) -> int:
    """Not the event's id itself: samplers take the second half of a trace's id for drawn, and two bits of it are not."""
    return int.from_bytes(blake2b(event.bytes, digest_size=16).digest())


def span_of(event: UUID) -> int:
    """The span that accepted it: the half of its id that was drawn."""
    return event.int & 0xFFFF_FFFF_FFFF_FFFF


def span_of_try(delivery: UUID, attempt: int) -> int:
    """Known before the try, which tells the receiver, and after it."""
    return int.from_bytes(blake2b(delivery.bytes + attempt.to_bytes(4), digest_size=8).digest()) or 1


def handed_on(traceparent: str, span: int) -> str:
    """What the receiver gets: the sender's trace, with our try as its parent."""
    return f"{traceparent[:36]}{span:016x}{traceparent[52:]}"
