"""Stores what has gathered: events and deliveries in one transaction. Never says "stored" without having seen the row."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from uuid import UUID

from django.db import transaction

from apps.accounts.selectors import token_owners
from apps.deliveries.services import open_deliveries
from apps.destinations.selectors import ids_by_account
from apps.events.models import Event
from apps.events.services import store_events


class Verdict(Enum):
    STORED = "stored"
    AGAIN = "the same id with the same bytes"
    CONFLICT = "the same id with other bytes"
    NO_TOKEN = "the token is not valid any more"  # noqa: S105  (a verdict, not a token)


@dataclass(frozen=True, slots=True)
class Post:
    """One checked post, on its way to the store."""

    token_digest: bytes
    event: Event


def store(posts: Sequence[Post]) -> list[Verdict]:
    """A verdict for each post, in order. Repeating the same posts after a commit of unknown fate gives the same verdicts.

    The token is read again here, in the storing transaction, so that a stale cache can refuse late but never accept.
    The same id twice in one batch: the first is stored, the others are compared with it.
    """
    with transaction.atomic():
        owners = token_owners({post.token_digest for post in posts})
        valid = [post for post in posts if post.token_digest in owners]
        # Each key once, in key order: two batches that overlap then cannot deadlock.
        firsts: dict[tuple[UUID, str], Event] = {}
        for post in valid:
            firsts.setdefault((post.event.account_id, post.event.event_id), post.event)
        ordered = [firsts[key] for key in sorted(firsts)]
        rows = store_events(events=ordered) if ordered else {}
        new = [event for event in ordered if rows[event.account_id, event.event_id][0] == event.pk]
        if new:
            _open(new)
    return [_verdict(post, rows) if post.token_digest in owners else Verdict.NO_TOKEN for post in posts]


def _open(events: Sequence[Event]) -> None:
    destinations = ids_by_account({event.account_id for event in events})
    open_deliveries(events=[(event.account_id, event.pk) for event in events], destinations=destinations)


def _verdict(post: Post, rows: dict[tuple[UUID, str], tuple[UUID, bytes]]) -> Verdict:
    own_id, digest = rows[post.event.account_id, post.event.event_id]
    if own_id == post.event.pk:
        return Verdict.STORED
    return Verdict.AGAIN if digest == post.event.digest else Verdict.CONFLICT
