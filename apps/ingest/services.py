"""accept(): token → rate → event id → size and strict JSON → store → ring."""

import asyncio
import hashlib
import logging
import re
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import TypeVar
from uuid import UUID

import orjson
from django.conf import settings
from django.db import connection

from apps.accounts.selectors import ROOM_WAIT_S
from apps.accounts.services import digest_of
from apps.common import request_id
from apps.common.batching import BAD_DATA, Batcher, Bounds, Overloaded, PerLoop, around_locks
from apps.common.lanes import TRANSIENT, is_locked, lane
from apps.common.metrics import POSTS_A_BATCH
from apps.common.rate import Ask, RateLimit
from apps.deliveries import doorbell
from apps.events.models import NewEvent
from apps.ingest import batch, strict
from apps.ingest.batch import Post, Verdict
from apps.ingest.large import LARGE, Gate
from apps.ingest.telling import named, tell
from apps.ingest.tokens import Owner, TokenCache

logger = logging.getLogger(__name__)
T = TypeVar("T")

PATHS = frozenset({"/server/incoming_data", "/server/incoming_data/"})
# Seconds a post waits for the database; with the way here and back its answer comes within 2.5 s.
_PATIENCE_S = 2.2
_BYTES_A_DELIVERY = 839
# Seconds that the posts of an account of which somebody holds a row are stored apart, so that they slow nobody else's.
_APART_S = 2.0
# Seconds for which what the database said to posts tells that nothing can be stored, when none was stored since.
_REFUSED_S = 10.0
_EVENT_ID = re.compile(r"[\x21-\x7e]{1,255}")
_TRACEPARENT = re.compile(r"00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}")


class TooLarge(Exception):
    """The body has more bytes than INGEST_MAX_BYTES."""


@dataclass(frozen=True, slots=True)
class Incoming:
    """A request, whatever server it came through. Header names in lower case; a repeated header's values joined by a comma.

    `read` gives the whole body and raises TooLarge as soon as it is known to be over the limit.
    """

    method: str
    headers: dict[str, str]
    read: Callable[[], Awaitable[bytes]]
    address: str = ""
    """Who is at the other end of the connection; it may be a proxy."""

    def header(self, name: str) -> str:
        return self.headers.get(name, "").strip(" \t")


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes
    account_id: str = field(default="", compare=False)  # for the log line, as what follows
    event: str = field(default="", compare=False)


class _Refusal(Exception):
    """Ends accept() with this answer."""

    def __init__(self, status: int, message: str, **headers: str) -> None:
        self.status, self.message = status, message
        self.headers = {name.replace("_", "-"): value for name, value in headers.items()}


_INVALID = "Invalid Data"


class Intake:
    """The machinery of one event loop: the token cache, the rate limit and the store, each in batches."""

    def __init__(self) -> None:
        rate = RateLimit()
        self.tokens = TokenCache()
        self.gate = Gate()
        self.rate: Batcher[Ask, bool] = Batcher(rate.allow, flushers=2)
        # Two: while one batch commits, the next gathers.
        self.store: Batcher[Post, Verdict] = Batcher(partial(_store, "accept"), flushers=2, weigh=_weight)
        # A lane of its own: 400 bodies of 1 MiB at once kept everybody's small posts waiting for seconds (measured). On SQLite,
        # where all that write take turns, it is shared: there a batch is a quarter as large.
        bounds = Bounds(batch_bytes=1024 * 1024) if connection.vendor == "sqlite" else None
        self.store_large: Batcher[Post, Verdict] = Batcher(partial(_store, "accept_large"), weigh=_weight, bounds=bounds)
        self.store_apart: Batcher[Post, Verdict] = Batcher(partial(_store, "apart"), weigh=_weight)
        self.locked: dict[UUID, float] = {}
        """Accounts of which somebody held a row just now -> until when, by the monotonic clock, their posts go apart."""
        self.refused: tuple[float, Exception] | None = None
        """When, by the same clock, and why the last batch was not stored; None: it was."""

    def batcher_for(self, post: Post) -> Batcher[Post, Verdict]:
        if self.locked.get(post.event.account_id, 0.0) > time.monotonic():
            return self.store_apart
        self.locked.pop(post.event.account_id, None)
        return self.store if _weight(post) <= LARGE else self.store_large


_intake = PerLoop(Intake)


def _weight(post: Post) -> int:
    """Bytes, of which a batch has 4 MiB at most; a delivery counts as many as make 5,000 of them a full batch: 100 posts to
    1,000 destinations each held up everybody's for 1.4 s (measured)."""
    return max(post.event.size, post.fan_out * _BYTES_A_DELIVERY)


def refused() -> Exception | None:
    """What the database said to the last posts, where it has stored none since, and that was no longer than 10 s ago."""
    last = _intake().refused
    return last[1] if last is not None and time.monotonic() - last[0] < _REFUSED_S else None


async def _store(lane_name: str, posts: Sequence[Post]) -> Sequence[Verdict]:
    """One batch. A connection that was lost since the last batch costs one repeat, which is safe, and not an error."""
    intake = _intake()
    try:
        try:
            verdicts: Sequence[Verdict] = await lane(lane_name).run(batch.store, posts)
        except TRANSIENT as error:
            verdicts = await (_store_around_locks(posts) if is_locked(error) else _store_again(lane_name, posts))
    except TRANSIENT as error:
        intake.refused = time.monotonic(), error
        raise
    intake.refused = None
    POSTS_A_BATCH.observe(len(posts))
    if Verdict.STORED in verdicts:
        doorbell.ring()
    return verdicts


async def _store_again(lane_name: str, posts: Sequence[Post]) -> Sequence[Verdict]:
    return await lane(lane_name).run(partial(batch.store, repeated=True), posts)


async def _store_around_locks(posts: Sequence[Post]) -> Sequence[Verdict]:
    """Somebody's transaction stops the posts of the accounts whose rows it holds, and nobody else's."""
    stored = await around_locks(partial(_store_again, "divide"), posts, lambda post: post.event.account_id)
    held = {post.event.account_id for index, post in enumerate(posts) if index not in stored}
    _intake().locked |= dict.fromkeys(held, time.monotonic() + _APART_S)
    return [stored.get(index, Verdict.LOCKED) for index in range(len(posts))]


async def accept(incoming: Incoming) -> Answer:
    """The answer to one post (contract, §2). Never raises: what is not known to be stored is answered 503."""
    identity = request_id.choose(incoming.header("x-request-id"))
    owner: Owner | None = None
    post: Post | None = None
    status, message, headers = 503, "Unavailable", {"Retry-After": "1"}
    patience = asyncio.timeout(_PATIENCE_S)
    try:
        async with patience:
            owner, digest = await _authenticate(incoming)
            await _within_rate(owner)
            async with _room(incoming, owner, patience):
                post = await _checked(incoming, owner, digest, patience)
                verdict = await _intake().batcher_for(post).submit(post)
        status, message, headers = _answer_to(verdict, digest)
    except _Refusal as refusal:
        status, message, headers = refusal.status, refusal.message, refusal.headers
    except (OSError, Overloaded, *TRANSIENT) as error:  # also a sender that went away, and our patience's end
        logger.warning("post not stored: %s", type(error).__name__, extra=named(identity, owner, post))
        if isinstance(error, (TimeoutError, *TRANSIENT)):
            _intake().gate.turn_away()
    except BAD_DATA as error:  # its text quotes the row, and so the payload
        logger.error("post not stored: %s", type(error).__name__, extra=named(identity, owner, post))  # noqa: TRY400
    except Exception:
        logger.exception("post not stored", extra=named(identity, owner, post))
    event = tell(status, _PATIENCE_S - _left(patience), post)
    body = orjson.dumps({"success": status < 400, "message": message})
    headers |= {"Content-Type": "application/json", "Content-Length": str(len(body)), "X-Request-ID": identity}
    return Answer(status, headers, body, str(owner.account_id) if owner else "", event)


@asynccontextmanager
async def _room(incoming: Incoming, owner: Owner, patience: asyncio.Timeout) -> AsyncIterator[None]:
    """What may be large waits for room before it is read. What is known to be too large is refused without that."""
    length = incoming.header("content-length")
    known = int(length[:20]) if length.isdecimal() else LARGE + 1
    if not LARGE < known <= settings.INGEST_MAX_BYTES:
        yield
        return
    leave = await _unhurried(patience, _intake().gate.enter(owner.account_id))
    try:
        yield
    finally:
        leave()


async def _unhurried(patience: asyncio.Timeout, slow: Awaitable[T]) -> T:
    """What others take, the sender or those before it, does not use up our patience."""
    left = _left(patience)
    patience.reschedule(None)
    try:
        return await slow
    finally:
        patience.reschedule(asyncio.get_running_loop().time() + left)


def _left(patience: asyncio.Timeout) -> float:
    """Seconds of our patience."""
    now = asyncio.get_running_loop().time()
    return (patience.when() or now) - now


async def _authenticate(incoming: Incoming) -> tuple[Owner, bytes]:
    if incoming.method != "POST":
        raise _Refusal(405, _INVALID, Allow="POST")
    token = incoming.header("cl-x-token")
    digest = digest_of(token)
    owner = await _intake().tokens.owner(digest, incoming.address) if token else None
    if owner is None:
        raise _Refusal(401, "Unauthenticated")
    return owner, digest


async def _within_rate(owner: Owner) -> None:
    if owner.full:
        raise _Refusal(429, "Too Many Requests", Retry_After=str(ROOM_WAIT_S))
    limit = owner.ingest_rate or settings.INGEST_RATE
    if not await _intake().rate.submit(Ask(str(owner.account_id), limit)):
        raise _Refusal(
            429,
            "Too Many Requests",
            Retry_After="1",
            RateLimit='"default";r=0;t=1',
            RateLimit_Policy=f'"default";q={limit};w=1',
        )


async def _checked(incoming: Incoming, owner: Owner, digest: bytes, patience: asyncio.Timeout) -> Post:
    """The post, when its event id, size and content are right."""
    event_id = incoming.header("cl-x-event-id")
    if not _EVENT_ID.fullmatch(event_id):
        raise _Refusal(400, _INVALID)
    try:
        body = await _unhurried(patience, incoming.read())
    except TooLarge:
        raise _Refusal(413, _INVALID) from None
    if not strict.takes(incoming.header("content-type"), incoming.header("content-encoding")):
        raise _Refusal(400, _INVALID)
    try:
        body_digest = _examine(body) if len(body) <= LARGE else await lane("heavy").run(_examine, body)
    except strict.NotStrict:
        raise _Refusal(400, _INVALID) from None
    traceparent = incoming.header("traceparent")
    event = NewEvent(
        account_id=owner.account_id,
        event_id=event_id,
        body=body,
        digest=body_digest,
        size=len(body),
        traceparent=traceparent if _TRACEPARENT.fullmatch(traceparent) else "",
    )
    return Post(digest, event, owner.fan_out)


def _examine(body: bytes) -> bytes:
    """The body's digest. Raises NotStrict."""
    strict.check(body)
    return hashlib.sha256(body).digest()


def _answer_to(verdict: Verdict, digest: bytes) -> tuple[int, str, dict[str, str]]:
    match verdict:
        case Verdict.LOCKED:
            raise _Refusal(503, "Unavailable", Retry_After="1")
        case Verdict.STORED:
            return 202, "Data Received", {}
        case Verdict.AGAIN:
            return 200, "Data Received", {}
        case Verdict.CONFLICT:
            return 409, "Conflict", {}
        case Verdict.NO_TOKEN:
            _intake().tokens.forget(digest)
            return 401, "Unauthenticated", {}
