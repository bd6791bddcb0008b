"""The one write to events."""

from collections.abc import Sequence
from uuid import UUID

from apps.events.models import Event


def store_events(*, events: Sequence[Event]) -> dict[tuple[UUID, str], tuple[UUID, bytes]]:
    """Inserts those whose (account, event id) is new. Part of the caller's transaction.

    The caller gives each (account, event id) once and in that order: two batches that overlap then cannot deadlock.

    Returns:
        (account id, event id) -> (our id, digest) of the row that stands in the table, for every event given. Our id tells
        whether the row is the caller's own, also when the same batch is repeated after a commit whose answer was lost.
    """
    Event.objects.bulk_create(events, ignore_conflicts=True)
    rows = Event.objects.filter(
        account__in={event.account_id for event in events}, event_id__in={event.event_id for event in events}
    )
    return {
        (account_id, event_id): (own_id, bytes(digest))
        for account_id, event_id, own_id, digest in rows.values_list("account_id", "event_id", "id", "digest")
    }
