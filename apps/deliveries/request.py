"""The frozen values between the engine, the sender and the database."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from apps.common.codes import Error

__all__ = ["Claim", "Error", "OutboundRequest", "Outcome", "Phases", "Result", "Shown", "Target"]


@dataclass(frozen=True, slots=True)
class Target:
    """What of a destination a try needs."""

    id: UUID
    url: str
    http_method: str
    headers: dict[str, str]
    signing_secrets: tuple[str, ...]  # the present one, then one that is being replaced
    timeout_s: int
    schedule: tuple[int, ...]  # seconds between tries


@dataclass(frozen=True, slots=True)
class Claim:
    """One delivery that this worker holds until its lease ends."""

    delivery_id: UUID
    lease_token: UUID
    account_id: UUID
    event: UUID
    event_id: str
    received_timestamp: datetime
    body: bytes
    traceparent: str
    attempts: int
    target: Target
    claimed_at: datetime  # the database's clock
    claimed_mono: float  # this machine's clock since boot, read before the claim; seconds
    lease_s: int
    replay_of: UUID | None = None  # the event's first delivery to this destination, when this is a replay
    gated: bool = False  # whether its destination has a gate, which wants to know what came of it


@dataclass(frozen=True, slots=True)
class OutboundRequest:
    method: str
    url: str
    headers: tuple[tuple[str, str], ...]
    body: bytes | None
    timeout_s: float  # for all of it: look-up, connect, TLS, send, read


@dataclass(frozen=True, slots=True)
class Phases:
    """How long the parts of a try took, each in milliseconds, one behind the other, on the connection that it used last.

    None: it had no such part, or did not come so far. A kept connection is neither looked up nor connected. A part in which
    the try ended, or its time did, has all of the time until then; but a first byte that did not come has none.
    """

    dns_ms: int | None = None
    """The name's look-up; 0: remembered from a moment ago. None also for a URL with an address."""
    connect_ms: int | None = None
    """TCP, with all addresses that were dialled."""
    tls_ms: int | None = None
    """The handshake. None also over http."""
    first_byte_ms: int | None = None
    """From then, or on a kept connection from the try's beginning, until the head of the answer was in: the request's way,
    the receiver's work, the answer's way."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one try."""

    error: Error
    response_status: int | None = None
    latency_ms: int | None = None
    response_headers: tuple[tuple[str, str], ...] = ()
    response_body: bytes = b""
    retry_after_s: int | None = None
    phases: Phases = Phases()

    @property
    def success(self) -> bool:
        return self.error is Error.NONE


@dataclass(frozen=True, slots=True)
class Shown:
    """What of an answer may be shown."""

    headers: bytes = b"{}"  # a JSON object
    body: bytes = b""  # the first 1 KiB


@dataclass(frozen=True, slots=True)
class Result:
    """A try to be recorded. `log_id` is made with the try, so that recording it twice is seen."""

    log_id: UUID
    claim: Claim
    outcome: Outcome
    sent_at: datetime  # the database's clock
    shown: Shown = Shown()
