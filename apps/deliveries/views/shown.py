"""A delivery with its tries, as the pages show it."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import orjson

from apps.audit.selectors import last_done
from apps.common.fields import MASK
from apps.common.texts import visible
from apps.deliveries import masking
from apps.deliveries.claims import target_of
from apps.deliveries.compose import compose_for
from apps.deliveries.models import Delivery
from apps.deliveries.selectors import database_now, destinations_with_settings
from apps.deliveries.signing import webhook_id
from apps.deliveries.views.timings import Bar, bar
from apps.deliveries.words import COUNTED, advice, headline, state
from apps.destinations.models import Destination
from apps.events.models import Event
from apps.logs.models import Log, Status


@dataclass(frozen=True, slots=True)
class Try:
    log: Log
    headline: str
    answer: str
    headers: dict[str, str]
    bar: Bar | None

    @property
    def look(self) -> str:
        return "ok" if self.log.status == Status.SUCCESS else "bad"


@dataclass(frozen=True, slots=True)
class Story:
    delivery: Delivery
    look: str
    word: str
    why: str
    tries: list[Try]
    sent: masking.Sent | None
    """By the destination's present settings, without a signature. None: a GET's URL would be too long."""
    changed: datetime | None
    """When the settings were last changed, where some of these tries are older."""

    @property
    def before(self) -> int:
        """The newest try that is older than the change."""
        return next(each.log.attempt for each in self.tries if self.changed and each.log.processed_timestamp < self.changed)

    @property
    def earlier(self) -> int:
        """Tries that are not shown."""
        return max(0, self.tries[-1].log.attempt - 1) if self.tries else 0


def stories(event: Event, told: Iterable[tuple[Delivery, list[Log]]]) -> list[Story]:
    """What needs a look first. `event` with its body."""
    known = sorted(told, key=lambda each: list(COUNTED).index(each[0].status))
    settings = destinations_with_settings({delivery.destination_id for delivery, _ in known})
    now = database_now()
    sent = {pk: _sent(event, destination, now) for pk, destination in settings.items()}
    # A pause is a change of the destination too, but not of what is sent.
    changed = last_done(event.account_id, "destination.updated", settings)
    return [_story(sent[each.destination_id], changed.get(each.destination_id), each, logs) for each, logs in known]


def _story(sent: masking.Sent | None, changed: datetime | None, delivery: Delivery, logs: list[Log]) -> Story:
    look, word, why = state(delivery.status, delivery.reason, delivery.waits_for)
    last = logs[0] if logs else None
    if last and last.status == Status.FAILED and not last.late:
        why = f"{headline(last.error, last.response_status)}. {advice(last.error, last.response_status)} {why}"
    if delivery.status == Delivery.Status.PENDING and last and not delivery.waits_for:
        word = "retrying"
    since = changed if changed and any(log.processed_timestamp < changed for log in logs) else None
    return Story(delivery, look, word, why, [_try(log) for log in logs], sent, since)


def _try(log: Log) -> Try:
    headers: dict[str, Any] = orjson.loads(bytes(log.response_headers) or b"{}")
    answer = visible(bytes(log.response_body).decode("utf-8", "replace"))
    shown = {name: visible(str(value)) for name, value in headers.items()}
    return Try(log, headline(log.error, log.response_status), answer, shown, bar(log, log.latency_ms))


def _sent(event: Event, destination: Destination, now: datetime) -> masking.Sent | None:
    """No signature is made: with one, whoever reads this page could send the data in our name."""
    target = replace(target_of(destination, now), signing_secrets=())
    request = compose_for(target, bytes(event.body), now, webhook_id(event.pk, destination.pk), event.traceparent)
    if request is None:
        return None
    sent = masking.as_sent(request, destination.headers)
    ours = {"webhook-timestamp": "the time of the try", "webhook-signature": MASK}
    return replace(sent, headers=sent.headers | ours, body=None)
