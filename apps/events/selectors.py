"""Every read of events, and where a word is looked for."""

from collections.abc import Iterable, Sequence
from uuid import UUID

from django.db.models import BinaryField, Count, Exists, F, Func, OuterRef, Q, QuerySet, Value

from apps.events.models import Event, Words
from apps.events.words import HEAD_BYTES, of_account, words_of, words_of_event

# Over this a list or a frame carries the head only (contract, §3).
DATA_IN_LISTS_MAX = 4096
# A word that this many of the account's newest 1,000 events have is common: a page of it is full after a few thousand rows of
# the list. A rarer one is taken from the index, which gives them all.
_SAMPLE = 1000
_COMMON = 5
_TOO_COMMON = 50
# Heads that are read at once: 4 MiB.
_HEADS = 64


def head(size: int) -> Func:
    """The first bytes of the body: no more of it leaves the database."""
    return Func(F("body"), Value(1), Value(size), function="SUBSTR", output_field=BinaryField())


def events_of(account_ids: Iterable[UUID]) -> QuerySet[Event]:
    """The events of these accounts, without their bodies."""
    return Event.objects.filter(account__in=list(account_ids)).defer("body", "digest")


def listed(events: QuerySet[Event]) -> QuerySet[Event]:
    """With `head`: as much of the body as a list shows, and one byte, which tells that there is more."""
    return events.annotate(head=head(DATA_IN_LISTS_MAX + 1))


def found(events: QuerySet[Event], account_id: UUID, text: str) -> QuerySet[Event]:
    """Those of the account's events that have every word of the text, or one that begins with it."""
    has = has_words(account_id, text)
    return events.none() if has is None else events.filter(has)


def has_words(account_id: UUID, text: str, event: str = "pk") -> Q | Exists | None:
    """The condition that an event of the account has every word of the text, or one that begins with it. None: no word in it.

    `event`: how the event is reached from what is filtered. One query, which asks whether the words are common: on what the
    planner guesses of that, a page took from 2 ms to 2 s.
    """
    words = of_account(account_id, words_of(text))
    if not words:
        return None
    every, each = _shares(account_id, words)
    if every >= _COMMON:
        return Exists(Words.objects.filter(event=OuterRef(event), words__holds_here=words))
    # What the index has of a word in every event is longer than what it spares.
    rare = [word for word, share in zip(words, each, strict=True) if share <= _TOO_COMMON] or words
    return Q(**{f"{event}__in": Words.objects.filter(words__holds=rare, words__holds_here=words).values("event")})


def _shares(account_id: UUID, words: list[str]) -> tuple[int, list[int]]:
    """How many of the account's newest events have all of the words, and each."""
    newest = Event.objects.filter(account=account_id).order_by("-received_timestamp", "-id").values("pk")[:_SAMPLE]
    each = {f"w{number}": _having([word]) for number, word in enumerate(words)}
    found = Words.objects.filter(event__in=newest).aggregate(every=_having(words), **each)
    return found["every"], [found[name] for name in each]


def _having(words: list[str]) -> Count:
    return Count("pk", filter=Q(words__holds_here=words))


def reads(words: str, text: str) -> bool:
    """Whether the words hold each word of the text, or one that begins with it."""
    return _all_begin(words_of(words), text)


def tells(event_id: str, head: bytes, text: str) -> bool:
    """Whether an event would be found by the text: what `found` asks the index, asked of the event itself.

    `head`: the first 64 KiB of its payload, or all of it.
    """
    return _all_begin(words_of_event(event_id, head), text)


def _all_begin(own: set[str], text: str) -> bool:
    words = words_of(text)
    return bool(words) and all(any(each.startswith(word) for each in own) for word in words)


def heads_of(event_ids: Sequence[UUID]) -> dict[UUID, bytes]:
    """event -> the part of its payload in which words are looked for. A query for each 64."""
    heads: dict[UUID, bytes] = {}
    for start in range(0, len(event_ids), _HEADS):
        events = Event.objects.filter(pk__in=event_ids[start : start + _HEADS])
        heads |= {pk: bytes(first) for pk, first in events.values_list("pk", head(HEAD_BYTES))}
    return heads
