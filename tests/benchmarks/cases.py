"""Which requests are measured: each filter with a value that many rows have, one that few have, and one that none has."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from urllib.parse import urlencode

from apps.accounts.models import Account
from apps.deliveries.models import Delivery
from apps.events.models import Event
from apps.logs.models import Log

NOBODY = "019a0f2e-0000-7000-8000-000000000000"
# Of all, of 2 %, of 0.02 % and of no event; beginnings of one to three letters; several words; an id; error codes.
SEARCHES = (
    *("order", "city7", "person77", "nothere", "o", "a", "ab", "abc", "e"),
    *("order paid person77", "evt_3000", "timeout", "tls"),
)


def cases_of(account: Account, *, every_order: bool) -> Iterator[str]:
    """Paths below the API's root; with each order, or with the list's own only."""
    log = Log.objects.filter(account=account).order_by("cursor")[Log.objects.filter(account=account).count() // 2]
    for name, filters, orders in (
        ("logs", _logs(log), ("cursor", "processed_timestamp", "received_timestamp")),
        ("events", _events(Event.objects.get(pk=log.event_id)), ("received_timestamp",)),
        ("deliveries", _deliveries(Delivery.objects.get(pk=log.delivery_id)), ("created_at",)),
    ):
        ordered = [sign + order for order in orders for sign in ("-", "")] if every_order else [""]
        for given in [{}, *filters]:
            # A range of time or of cursors is measured along its own index, which is also the order that it gets unasked.
            ranges = {name.split("_after")[0].split("_before")[0] for name in given} & set(orders)
            for order in [each for each in ordered if not ranges or each.lstrip("-") in {"", *ranges}]:
                asked = given | ({"ordering": order} if order else {})
                yield f"accounts/{account.pk}/{name}/?{urlencode(asked)}"
    yield f"logs/{log.pk}/"
    yield f"events/{log.event_id}/"
    yield f"deliveries/{log.delivery_id}/"
    yield f"accounts/{account.pk}/stats/"
    yield f"accounts/{account.pk}/stats/?{urlencode({'processed_timestamp_after': log.processed_timestamp.isoformat()})}"


def _moments(name: str, moment: datetime) -> list[dict[str, str]]:
    """At, since, until, and a window of an hour and of a week in the middle."""
    later, week = moment + timedelta(hours=1), moment + timedelta(days=7)
    return [
        {name: moment.isoformat()},
        {f"{name}_after": moment.isoformat()},
        {f"{name}_before": moment.isoformat()},
        {f"{name}_after": moment.isoformat(), f"{name}_before": later.isoformat()},
        {f"{name}_after": moment.isoformat(), f"{name}_before": week.isoformat()},
        {f"{name}_after": "2100-01-01T00:00:00Z"},
    ]


def _each(name: str, *values: object) -> list[dict[str, str]]:
    return [{name: str(value)} for value in values]


def _logs(log: Log) -> list[dict[str, str]]:
    return [
        *_each("destination_id", log.destination_id, NOBODY),
        *_each("event", log.event_id, NOBODY),
        *_each("event_id", log.event.event_id, "nobody"),
        *_each("delivery_id", log.delivery_id, NOBODY),
        *_each("status", "success", "failed"),
        *_each("error", "timeout", "tls_failed", "dns_failed"),
        *_each("response_status", 200, 503, 204),
        *_each("late", "true", "false"),
        *_each("attempt", 1, 2, 9),
        *_moments("received_timestamp", log.received_timestamp),
        *_moments("processed_timestamp", log.processed_timestamp),
        *_each("cursor", log.cursor),
        *_each("cursor_after", log.cursor, 2**62),
        *_each("cursor_before", log.cursor, 0),
        *_each("search", *SEARCHES),
        {"status": "failed", "search": "order"},
        {"destination_id": str(log.destination_id), "status": "failed"},
    ]


def _events(event: Event) -> list[dict[str, str]]:
    return [
        *_each("event_id", event.event_id, "nobody"),
        *_moments("received_timestamp", event.received_timestamp),
        *_each("size", event.size, 1),
        *_each("size_after", event.size, 10**6),
        *_each("size_before", event.size, 10),
        *_each("search", *SEARCHES),
    ]


def _deliveries(delivery: Delivery) -> list[dict[str, str]]:
    due = Delivery.objects.filter(account=delivery.account_id, status="pending").order_by("pk").first()
    moment = due.next_attempt_at if due and due.next_attempt_at else delivery.created_at
    return [
        *_each("status", *Delivery.Status.values),
        *_each("reason", "tries_ended", "by_person", "quarantined"),
        *_each("destination_id", delivery.destination_id, NOBODY),
        *_each("event", delivery.event_id, NOBODY),
        *_each("event_id", delivery.event.event_id, "nobody"),
        *_moments("created_at", delivery.created_at),
        *_moments("next_attempt_at", moment),
    ]
