"""Stores what has gathered: events and deliveries in one transaction. Never says "stored" without having seen the row."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from uuid import UUID

from apps.common.commits import durable, wait_for_standby
from apps.deliveries.services import open_deliveries
from apps.destinations.selectors import ask_ways
from apps.events.models import NewEvent
from apps.events.services import store_events


class Verdict(Enum):
    STORED = "stored"
    AGAIN = "the same id with the same bytes"
    CONFLICT = "the same id with other bytes"
    LOCKED = "somebody holds a row of its account"
    NO_TOKEN = "the token is not valid any more"  # noqa: S105  (a verdict, not a token)


@dataclass(frozen=True, slots=True)
class Post:
    """One checked post, on its way to the store."""

    token_digest: bytes
    event: NewEvent
    fan_out: int = 0
    """Deliveries that it will make, as far as is known: for the size of the batch."""
    at: float = field(default_factory=time.time, compare=False)
    """When it was checked, in seconds since 1970."""


class _NotValid(Exception):
    """A token that the cache took for valid is not; the others are these."""


def store(posts: Sequence[Post], *, repeated: bool = False) -> list[Verdict]:
    """A verdict for each post, in order. Repeating the same posts after a commit of unknown fate gives the same verdicts.

    `repeated`: an earlier call may have committed without our knowing.
    The token is read again here, in the storing transaction, so that a stale cache can refuse late but never accept.
    The same id twice in one batch: the first is stored, the others are compared with it.
    """
    tokens = {post.token_digest for post in posts}
    while True:
        try:
            rows = _store([post for post in posts if post.token_digest in tokens], tokens, repeated=repeated)
        except _NotValid as refused:  # seldom; nothing of it stands
            tokens = refused.args[0]
        else:
            return [_verdict(post, rows) if post.token_digest in tokens else Verdict.NO_TOKEN for post in posts]


@durable(pipelined=True)
def _store(posts: Sequence[Post], tokens: set[bytes], *, repeated: bool) -> Mapping[tuple[UUID, str], tuple[UUID, bytes]]:
    """What stands now of each (account, event id). Raises _NotValid when not all the tokens are valid: the events go out behind
    the question, not behind its answer."""
    asked = ask_ways(tokens)
    # Each key once, in key order: two batches that overlap then cannot deadlock.
    firsts: dict[tuple[UUID, str], NewEvent] = {}
    for post in posts:
        firsts.setdefault((post.event.account_id, post.event.event_id), post.event)
    ordered = [firsts[key] for key in sorted(firsts)]
    rows = store_events(events=ordered) if ordered else {}
    owners = asked()
    if owners.keys() < tokens:
        raise _NotValid(owners.keys() & tokens)
    new = [event for event in ordered if rows.get((event.account_id, event.event_id), (None,))[0] == event.id]
    if new:
        pairs = [(event.account_id, event.id) for event in new]
        open_deliveries(events=pairs, destinations=dict(owners.values()), repeated=repeated)
    if rows and (repeated or not new):  # "again" promises as much as "stored"
        wait_for_standby()
    return rows


def _verdict(post: Post, rows: Mapping[tuple[UUID, str], tuple[UUID, bytes]]) -> Verdict:
    key = post.event.account_id, post.event.event_id
    if key not in rows:
        return Verdict.LOCKED  # retention took the old one away between our two looks: sent again it is stored
    own_id, digest = rows[key]
    if own_id == post.event.id:
        return Verdict.STORED
    return Verdict.AGAIN if digest == post.event.digest else Verdict.CONFLICT
