"""Stores what has gathered: events and deliveries in one transaction. Never says "stored" without having seen the row."""

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from enum import Enum
from uuid import UUID

from apps.common.commits import durable, wait_for_standby
from apps.deliveries.services import open_deliveries
from apps.destinations.selectors import ways
from apps.events.models import NewEvent
from apps.events.services import store_events
from apps.ingest import at_once


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


def store(posts: Sequence[Post], *, repeated: bool = False) -> list[Verdict]:
    """A verdict for each post, in order. Repeating the same posts after a commit of unknown fate gives the same verdicts.

    `repeated`: an earlier call may have committed without our knowing.
    The same id twice in one batch: the first is stored, the others are compared with it.
    """
    firsts = {} if repeated else _firsts(posts)
    rows = {_key(event): (event.id, event.digest) for event in at_once.store(list(firsts.values()))}
    left = [post for post in posts if _key(post.event) not in rows or post.token_digest != firsts[_key(post.event)][1]]
    # What the one statement stored stands, though the rest be refused: in the halves of such a batch it comes a second time.
    told = dict(zip(map(id, left), _store(left, repeated=repeated or at_once.serves()) if left else (), strict=True))
    return [told[id(post)] if id(post) in told else _verdict(post, rows) for post in posts]


def _store(posts: Sequence[Post], *, repeated: bool) -> list[Verdict]:
    """The same, whatever there is to be found.

    The token is read again here, in the storing transaction, so that a stale cache can refuse late but never accept.
    """
    with durable():
        owners = ways({post.token_digest for post in posts})
        ordered = [event for event, _ in _firsts([post for post in posts if post.token_digest in owners]).values()]
        rows = store_events(events=ordered) if ordered else {}
        new = [event for event in ordered if rows.get(_key(event), (None,))[0] == event.id]
        if new:
            pairs = [(event.account_id, event.id) for event in new]
            open_deliveries(events=pairs, destinations=dict(owners.values()), repeated=repeated)
        if rows and (repeated or not new):  # "again" promises as much as "stored"
            wait_for_standby()
    return [_verdict(post, rows) if post.token_digest in owners else Verdict.NO_TOKEN for post in posts]


def _key(event: NewEvent) -> tuple[UUID, str]:
    return event.account_id, event.event_id


def _firsts(posts: Iterable[Post]) -> dict[tuple[UUID, str], tuple[NewEvent, bytes]]:
    """Each key once, with its first event and the token that came with it; in the order of keys: two batches that overlap then
    cannot deadlock."""
    firsts: dict[tuple[UUID, str], tuple[NewEvent, bytes]] = {}
    for post in posts:
        firsts.setdefault(_key(post.event), (post.event, post.token_digest))
    return dict(sorted(firsts.items()))


def _verdict(post: Post, rows: dict[tuple[UUID, str], tuple[UUID, bytes]]) -> Verdict:
    key = _key(post.event)
    if key not in rows:
        return Verdict.LOCKED  # retention took the old one away between our two looks: sent again it is stored
    own_id, digest = rows[key]
    if own_id == post.event.id:
        return Verdict.STORED
    return Verdict.AGAIN if digest == post.event.digest else Verdict.CONFLICT
