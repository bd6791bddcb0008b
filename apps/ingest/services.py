"""accept(): token → rate → event id → size and strict JSON → store → ring."""

import asyncio
import hashlib
import logging
import re
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field

import orjson
from django.conf import settings

from apps.accounts.selectors import TokenOwner
from apps.accounts.services import digest_of
from apps.common import request_id
from apps.common.batching import BAD_DATA, Batcher, Overloaded, PerLoop
from apps.common.lanes import TRANSIENT, lane
from apps.deliveries import doorbell
from apps.events.models import Event
from apps.ingest import batch, strict
from apps.ingest.batch import Post, Verdict
from apps.ingest.rate import Ask, RateLimit
from apps.ingest.tokens import TokenCache

logger = logging.getLogger(__name__)

PATHS = frozenset({"/server/incoming_data", "/server/incoming_data/"})
# Seconds a post waits for the database; with the way here and back its answer comes within 2.5 s.
_PATIENCE_S = 2.2
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

    def header(self, name: str) -> str:
        return self.headers.get(name, "").strip(" \t")


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes
    account_id: str = field(default="", compare=False)  # for the log line


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
        self.rate: Batcher[Ask, bool] = Batcher(rate.allow, flushers=4)
        # Two: while one batch commits, the next gathers.
        self.store: Batcher[Post, Verdict] = Batcher(_store, flushers=2, weigh=lambda post: post.event.size)


_intake = PerLoop(Intake)


async def _store(posts: Sequence[Post]) -> Sequence[Verdict]:
    """One batch. A connection that was lost since the last batch costs one repeat, which is safe, and not an error."""
    try:
        verdicts = await lane("accept").run(batch.store, posts)
    except TRANSIENT:
        verdicts = await lane("accept").run(batch.store, posts)
    if Verdict.STORED in verdicts:
        doorbell.ring()
    return verdicts


async def accept(incoming: Incoming) -> Answer:
    """The answer to one post (contract, §2). Never raises: what is not known to be stored is answered 503."""
    identity = request_id.choose(incoming.header("x-request-id"))
    owner: TokenOwner | None = None
    status, message, headers = 503, "Unavailable", {"Retry-After": "1"}
    try:
        async with asyncio.timeout(_PATIENCE_S) as patience:
            owner, digest = await _authenticate(incoming)
            await _within_rate(owner)
            post = await _checked(incoming, owner, digest, patience)
            verdict = await _intake().store.submit(post)
        status, message, headers = _answer_to(verdict, digest)
    except _Refusal as refusal:
        status, message, headers = refusal.status, refusal.message, refusal.headers
    except (OSError, Overloaded, *TRANSIENT) as error:  # also a sender that went away, and our patience's end
        logger.warning("post not stored: %s", type(error).__name__)
    except BAD_DATA as error:  # its text quotes the row, and so the payload
        logger.error("post not stored: %s", type(error).__name__)  # noqa: TRY400
    except Exception:
        logger.exception("post not stored")
    body = orjson.dumps({"success": status < 400, "message": message})
    headers |= {"Content-Type": "application/json", "Content-Length": str(len(body)), "X-Request-ID": identity}
    return Answer(status, headers, body, str(owner.account_id) if owner else "")


async def _read(incoming: Incoming, patience: asyncio.Timeout) -> bytes:
    """The body. The sender's own slowness does not use up our patience."""
    now = asyncio.get_running_loop().time
    left = (patience.when() or now()) - now()
    patience.reschedule(None)
    body = await incoming.read()
    patience.reschedule(now() + left)
    return body


async def _authenticate(incoming: Incoming) -> tuple[TokenOwner, bytes]:
    if incoming.method != "POST":
        raise _Refusal(405, _INVALID, Allow="POST")
    token = incoming.header("cl-x-token")
    digest = digest_of(token)
    owner = await _intake().tokens.owner(digest) if token else None
    if owner is None:
        raise _Refusal(401, "Unauthenticated")
    return owner, digest


async def _within_rate(owner: TokenOwner) -> None:
    limit = owner.ingest_rate or settings.INGEST_RATE
    if not await _intake().rate.submit(Ask(owner.account_id, limit)):
        raise _Refusal(
            429,
            "Too Many Requests",
            Retry_After="1",
            RateLimit='"default";r=0;t=1',
            RateLimit_Policy=f'"default";q={limit};w=1',
        )


async def _checked(incoming: Incoming, owner: TokenOwner, digest: bytes, patience: asyncio.Timeout) -> Post:
    """The post, when its event id, size and content are right."""
    event_id = incoming.header("cl-x-event-id")
    if not _EVENT_ID.fullmatch(event_id):
        raise _Refusal(400, _INVALID)
    try:
        body = await _read(incoming, patience)
    except TooLarge:
        raise _Refusal(413, _INVALID) from None
    if not strict.takes(incoming.header("content-type"), incoming.header("content-encoding")):
        raise _Refusal(400, _INVALID)
    try:
        strict.check(body)
    except strict.NotStrict:
        raise _Refusal(400, _INVALID) from None
    traceparent = incoming.header("traceparent")
    event = Event(
        account_id=owner.account_id,
        event_id=event_id,
        body=body,
        digest=hashlib.sha256(body).digest(),
        size=len(body),
        traceparent=traceparent if _TRACEPARENT.fullmatch(traceparent) else "",
    )
    return Post(digest, event)


def _answer_to(verdict: Verdict, digest: bytes) -> tuple[int, str, dict[str, str]]:
    match verdict:
        case Verdict.STORED:
            return 202, "Data Received", {}
        case Verdict.AGAIN:
            return 200, "Data Received", {}
        case Verdict.CONFLICT:
            return 409, "Conflict", {}
        case Verdict.NO_TOKEN:
            _intake().tokens.forget(digest)
            return 401, "Unauthenticated", {}
