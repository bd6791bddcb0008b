"""Every write to events and to the words by which they are found."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from django.db import DataError, OperationalError, connection, transaction

from apps.common.batches import delete_some
from apps.common.rows import Reading, columns_of, insert, insert_new
from apps.events.models import Event, NewEvent, Unindexed, Words
from apps.events.selectors import head
from apps.events.words import HEAD_BYTES, of_account, words_of, words_of_event

# Events of one transaction: some 100 ms on SQLite, where all that write wait for it.
INDEXED_AT_ONCE = 200
# Bytes of payloads that one transaction looks through; a single larger one goes alone.
_INDEXED_BYTES = 4 * 1024 * 1024
_COLUMNS = ("id", "account_id", "event_id", "body", "digest", "size", "traceparent")


def store_events(*, events: Sequence[NewEvent]) -> dict[tuple[UUID, str], tuple[UUID, bytes]]:
    """Inserts those whose (account, event id) is new. Part of the caller's transaction.

    The caller gives each (account, event id) once and in that order: two batches that overlap then cannot deadlock.

    Returns:
        (account id, event id) -> (our id, digest) of the row that stands in the table, for every event given. Our id tells
        whether the row is the caller's own, also when the same batch is repeated after a commit whose answer was lost.
    """
    new = insert_new(Event, columns_of(events, _COLUMNS), mark=Unindexed)
    found = {(event.account_id, event.event_id): (event.id, event.digest) for event in events if event.id in new}
    if len(new) < len(events):
        others = [event for event in events if event.id not in new]
        stand = Event.objects.filter(
            account__in={event.account_id for event in others}, event_id__in={event.event_id for event in others}
        )
        for account_id, event_id, own_id, digest in stand.values_list("account_id", "event_id", "id", "digest"):
            found[account_id, event_id] = own_id, bytes(digest)
    return found


_sizes = Reading(lambda ids: Event.objects.filter(pk__among=ids).values_list("pk", "size"))
_heads = Reading(lambda ids: Event.objects.filter(pk__among=ids).values_list("pk", "account_id", "event_id", head(HEAD_BYTES)))


@transaction.atomic
def index_waiting(*, limit: int = INDEXED_AT_ONCE) -> int:
    """Writes the words of events that wait for it, oldest first. Returns how many it took: 0 when none is left.

    Several may run at once, and any may die anywhere: what it took is then still waiting. Indexing twice changes nothing.
    """
    waiting = Unindexed.objects.order_by("pk").select_for_update(skip_locked=True, no_key=True)
    taken = list(waiting.values_list("pk", flat=True)[:limit])
    if not taken:
        return 0
    sizes = dict(_sizes(taken))
    done = _within_bytes([(pk, min(sizes.get(pk, 0), HEAD_BYTES)) for pk in taken])
    _write([_Row(*row) for row in _heads(done)])
    Unindexed.objects.filter(pk__among=done).delete()  # those too whose event was purged meanwhile
    return len(done)


@dataclass(frozen=True, slots=True)
class _Row:
    """An event to be indexed."""

    pk: UUID
    account_id: UUID
    event_id: str
    payload: bytes

    def words(self) -> list[str]:
        return of_account(self.account_id, words_of_event(self.event_id, bytes(self.payload)))

    def words_of_id(self) -> list[str]:
        return of_account(self.account_id, words_of(self.event_id))


def _within_bytes(sizes: Sequence[tuple[UUID, int]]) -> list[UUID]:
    total = 0
    for number, (_, size) in enumerate(sizes):
        total += size
        if number and total > _INDEXED_BYTES:
            return [pk for pk, _ in sizes[:number]]
    return [pk for pk, _ in sizes]


def _write(rows: Sequence[_Row]) -> None:
    """All of them; when the database refuses them they are halved until the bad one stands alone, and gets its id only."""
    try:
        with transaction.atomic():
            _insert(rows, [row.words() for row in rows])
    except (DataError, OperationalError) as error:
        if not _is_the_rows_fault(error):
            raise
        if len(rows) > 1:
            _write(rows[: len(rows) // 2])
            _write(rows[len(rows) // 2 :])
        else:
            _insert(rows, [row.words_of_id() for row in rows])


def _insert(rows: Sequence[_Row], words: Sequence[Sequence[str]]) -> None:
    if rows:
        column = Words._meta.get_field("words")
        texts = [column.get_db_prep_value(own, connection) for own in words]
        insert(Words, {"event": [row.pk for row in rows], "words": texts}, ignore_conflicts=True)


def _is_the_rows_fault(error: DataError | OperationalError) -> bool:
    """Refused for its data (SQLSTATE 22) or for its size (54); what else fails would fail for every row."""
    return isinstance(error, DataError) or str(getattr(error.__cause__, "sqlstate", "")).startswith("54")


def remove_events(*, event_ids: Sequence[UUID]) -> None:
    """Removes these, to which nothing refers any more, with their words. Part of the caller's transaction."""
    Event.objects.filter(pk__in=event_ids).only("pk").delete()


def purge_events(account_id: UUID) -> int:
    """Part of deleting an account for good. Returns how many rows went, at most 1,000."""
    return delete_some(Event.objects.filter(account=account_id))
