"""Every read of deliveries."""

import socket
from collections.abc import Iterable
from datetime import datetime
from urllib.parse import urlsplit
from uuid import UUID

from django.conf import settings
from django.db import connection
from django.db.models import Count, OuterRef, QuerySet, Subquery, UUIDField
from django.utils import timezone

from apps.accounts.models import Account
from apps.common.errors import Missing
from apps.deliveries.jobs import Replay
from apps.deliveries.models import Delivery, Export, ExportPart, Slot
from apps.deliveries.network import guard
from apps.destinations.models import Destination
from apps.events.models import Event
from apps.events.selectors import events_of
from apps.logs.models import Log
from apps.logs.selectors import newest_tries

# Neither the event's body nor the destination's secrets, which would be decrypted for each row.
_NOT_SHOWN = (
    *("event__body", "event__digest", "destination__headers_text"),
    *("destination__signing_secret", "destination__previous_secret"),
)


def database_now() -> datetime:
    """The database's clock. SQLite's is this machine's."""
    if connection.vendor == "sqlite":
        return timezone.now()
    with connection.cursor() as cursor:
        cursor.execute("SELECT statement_timestamp()")
        moment: datetime = cursor.fetchone()[0]
        return moment


def deliveries_among(account_ids: Iterable[UUID]) -> QuerySet[Delivery]:
    """The accounts' deliveries, with what the API shows of them."""
    rows = Delivery.objects.filter(account__in=list(account_ids))
    first = Slot.objects.filter(gate=OuterRef("destination"), gate__destination__ordered=True).values("delivery_id")[:1]
    related = rows.select_related("event", "destination", "destination__gate", "slot").defer(*_NOT_SHOWN)
    return related.annotate(first_in_line=Subquery(first, output_field=UUIDField()))


def may_dial_inboxes() -> bool:
    """Whether deliveries may go to our own address, as PUBLIC_URL says it. Looks its name up."""
    parts = urlsplit(settings.PUBLIC_URL)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    try:
        found = {str(info[4][0]) for info in socket.getaddrinfo(parts.hostname, port)}
    except OSError:
        return False
    return any(guard(to_inbox=True).permits(address, port) for address in found)


# What the detail of one event holds at most: a fan-out of 1,000 with 30 tries each would be 30 MB.
DELIVERIES_OF_EVENT_MAX = 50
TRIES_OF_DELIVERY_MAX = 10


def story_of(event: Event) -> tuple[list[tuple[Delivery, list[Log]]], int]:
    """The event's first deliveries, each with its newest tries, and how many deliveries it has. Three queries."""
    own = deliveries_among([event.account_id]).filter(event=event)
    first = list(own.order_by("created_at", "id")[:DELIVERIES_OF_EVENT_MAX])
    tries = newest_tries(event.pk, [delivery.pk for delivery in first], TRIES_OF_DELIVERY_MAX)
    return [(delivery, tries.get(delivery.pk, [])) for delivery in first], own.count()


def tally_of(events: Iterable[UUID]) -> dict[UUID, dict[str, int]]:
    """event -> status -> how many of its deliveries have it. One query."""
    rows = Delivery.objects.filter(event__in=list(events)).values_list("event_id", "status").annotate(Count("id"))
    found: dict[UUID, dict[str, int]] = {}
    for event, status, count in rows.order_by("event_id", "status"):
        found.setdefault(event, {})[status] = count
    return found


def destinations_with_settings(ids: Iterable[UUID]) -> dict[UUID, Destination]:
    """By id, the deleted ones too: what is sent to them, and how. One query."""
    return Destination.objects.in_bulk(list(ids))


def without_delivery(event: Event) -> list[str]:
    """The names of the account's destinations that the event has never gone to: they were added after it. One query."""
    had = Delivery.objects.filter(event=event).values("destination")
    rows = Destination.objects.alive().filter(account=event.account_id).exclude(pk__in=had).order_by("name", "id")
    return list(rows.values_list("name", flat=True)[:DELIVERIES_OF_EVENT_MAX])


def event_among(account_ids: Iterable[UUID], event: UUID) -> Event:
    """The event by our id, without its body. Raises Missing when none of the accounts has it."""
    found = events_of(account_ids).filter(pk=event).first()
    if found is None:
        raise Missing("No such event.")
    return found


def delivery_among(account_ids: Iterable[UUID], delivery_id: UUID) -> Delivery:
    """Raises Missing when none of the accounts has it."""
    found = deliveries_among(account_ids).filter(pk=delivery_id).first()
    if found is None:
        raise Missing("No such delivery.")
    return found


def replays_among(account_ids: Iterable[UUID]) -> QuerySet[Replay]:
    """The accounts' bulk replays, with the names of their destinations."""
    rows = Replay.objects.filter(account__in=list(account_ids)).select_related("destination")
    return rows.defer("destination__headers_text", "destination__signing_secret", "destination__previous_secret")


def replay_among(account_ids: Iterable[UUID], replay_id: UUID) -> Replay:
    """Raises Missing when none of the accounts has it."""
    found = replays_among(account_ids).filter(pk=replay_id).first()
    if found is None:
        raise Missing("No such replay.")
    return found


def export_among(account_ids: Iterable[UUID], export_id: UUID) -> Export:
    """Raises Missing when none of the accounts has it, or its time is over."""
    found = Export.objects.kept().filter(account__in=list(account_ids), pk=export_id).first()
    if found is None:
        raise Missing("No such export.")
    return found


def exports_of(account: Account) -> list[Export]:
    """Those that are kept, the newest first."""
    return list(Export.objects.kept().filter(account=account).order_by("-id"))


def export_part(export_id: UUID, number: int) -> bytes | None:
    """Part `number` (from 1) of the export, gzipped; None after the last."""
    content = ExportPart.objects.filter(export=export_id, number=number).values_list("content", flat=True).first()
    return None if content is None else bytes(content)
