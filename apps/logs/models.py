"""What happened: one row a processed try, append-only."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from apps.accounts.models import Account
from apps.common.ids import uuid7
from apps.destinations.models import Destination
from apps.events.models import Event

# What may become of a delivery, in the order of their numbers on a slip.
KINDS = ("accepted", "delivered", "failed", "cancelled")
# What retention has removed of them, on a slip in the same order. Flows have it apart, as a span.
REMOVED = ("removed delivered", "removed failed", "removed cancelled")
# Spans of flows that are none.
ALL_TIME, ALL_REMOVED = 0, 1
# In place of a destination: the account's events themselves, whose number no destination tells.
EVENTS = UUID(int=0)


class Status(models.TextChoices):
    SUCCESS = "success"
    FAILED = "failed"


class Log(models.Model):
    """What the receiver sent stands here as bytes: no encoding of it can fail the batch that records it."""

    id = models.UUIDField(primary_key=True, editable=False, help_text="made with the try: recording it twice is seen")
    cursor = models.BigIntegerField(help_text="the account's dense counter: 1, 2, 3 … without a hole")
    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="+", db_index=False)
    # Without a constraint, whose check would read the logs of everybody for each destination that goes for good. It goes only
    # with its account, after the account's logs; the account cannot go before them.
    destination = models.ForeignKey(
        Destination, on_delete=models.DO_NOTHING, related_name="+", db_index=False, db_constraint=False
    )
    event = models.ForeignKey(Event, on_delete=models.PROTECT, related_name="+")
    delivery_id = models.UUIDField()
    received_timestamp = models.DateTimeField(help_text="when the post was stored")
    processed_timestamp = models.DateTimeField(help_text="when this try was sent, or refused before sending")
    status = models.CharField(max_length=7, choices=Status.choices)
    attempt = models.PositiveIntegerField()
    max_attempts = models.PositiveIntegerField()
    next_attempt_at = models.DateTimeField(null=True)
    late = models.BooleanField(default=False, help_text="the lease was taken over before this result came")
    response_status = models.PositiveSmallIntegerField(null=True)
    latency_ms = models.PositiveIntegerField(null=True)
    # Without a check, as a positive integer would have it: adding one to a full table reads all of it while it is locked.
    dns_ms = models.IntegerField(null=True, help_text="deliveries.request.Phases says what these are, and when there is none")
    connect_ms = models.IntegerField(null=True)
    tls_ms = models.IntegerField(null=True)
    first_byte_ms = models.IntegerField(null=True)
    error = models.CharField(max_length=32, blank=True, default="", help_text="a code of a closed list")
    response_headers = models.BinaryField(default=b"", help_text="JSON object, masked")
    response_body = models.BinaryField(default=b"", help_text="the first 1 KiB")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["account", "cursor"], name="log_cursor_once_in_an_account"),
            models.CheckConstraint(condition=Q(status__in=["success", "failed"]), name="log_status_is_known"),
            models.CheckConstraint(condition=Q(cursor__gt=0), name="log_cursor_starts_at_1"),
        ]
        indexes = [
            models.Index(fields=["account", "destination", "cursor"], name="log_of_destination"),
            models.Index(fields=["account", "processed_timestamp"], name="log_by_time"),
            models.Index(fields=["account", "received_timestamp"], name="log_by_received"),
            models.Index(fields=["delivery_id"], name="log_of_delivery"),
            # Partial: what most tries are (a first one, in time, answered 200) stands in none of them and costs nothing.
            models.Index(fields=["account", "cursor"], condition=Q(status="failed"), name="log_failed"),
            models.Index(fields=["account", "error", "cursor"], condition=Q(error__gt=""), name="log_by_error"),
            models.Index(
                fields=["account", "response_status", "cursor"],
                condition=Q(response_status__lt=200) | Q(response_status__gt=200),
                name="log_by_response",
            ),
            models.Index(fields=["account", "attempt", "cursor"], condition=Q(attempt__gt=1), name="log_by_attempt"),
            models.Index(fields=["account", "cursor"], condition=Q(late=True), name="log_late"),
        ]

    def __str__(self) -> str:
        return str(self.pk)


@dataclass(slots=True)
class NewLog:
    """A log on its way to its row. Not a model: making one of those takes ten times as long."""

    id: UUID
    account_id: UUID
    destination_id: UUID
    event_id: UUID
    delivery_id: UUID
    received_timestamp: datetime
    processed_timestamp: datetime
    status: str
    attempt: int
    max_attempts: int
    next_attempt_at: datetime | None
    late: bool
    response_status: int | None
    latency_ms: int | None
    error: str
    response_headers: bytes
    response_body: bytes
    cursor: int = 0
    dns_ms: int | None = None
    connect_ms: int | None = None
    tls_ms: int | None = None
    first_byte_ms: int | None = None


class LogCounter(models.Model):
    """The newest cursor of each account. A table of its own: locking it must not hold up whoever reads the account."""

    account = models.OneToOneField(Account, on_delete=models.CASCADE, primary_key=True, related_name="+")
    value = models.BigIntegerField(default=0)

    def __str__(self) -> str:
        return str(self.value)


class Tally(models.Model):
    """How many tries of a destination, in a span of time, ended so and took so long. Stats add these up, not the logs."""

    account = models.ForeignKey(Account, on_delete=models.CASCADE, related_name="+", db_index=False)
    # Without a constraint: a destination goes only with its account, after the account's tallies.
    destination = models.ForeignKey(
        Destination, on_delete=models.DO_NOTHING, related_name="+", db_index=False, db_constraint=False
    )
    span_s = models.PositiveIntegerField(help_text="a minute, an hour or a day")
    start = models.DateTimeField(help_text="of the span, by processed_timestamp")
    status = models.CharField(max_length=7, choices=Status.choices)
    latency_class = models.SmallIntegerField(help_text="logs.tally; -1: it was not sent")
    count = models.BigIntegerField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["account", "span_s", "start", "destination", "status", "latency_class"], name="tally_once"
            )
        ]

    def __str__(self) -> str:
        return str(self.pk)


class Tallied(models.Model):
    """Up to which cursor an account's logs are tallied. The cursor is dense: up to it none is missing."""

    account = models.OneToOneField(Account, on_delete=models.CASCADE, primary_key=True, related_name="tallied")
    cursor = models.BigIntegerField(default=0)

    def __str__(self) -> str:
        return str(self.cursor)


class Flow(models.Model):
    """Deliveries of a destination in a span of time: how many began, and how many ended, each in the span in which it did."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    account = models.ForeignKey(Account, on_delete=models.CASCADE, related_name="+", db_index=False)
    destination = models.ForeignKey(
        Destination,
        on_delete=models.DO_NOTHING,
        related_name="+",
        db_index=False,
        db_constraint=False,
        help_text="zeros: the account's events themselves, of which only `accepted` is counted",
    )
    span_s = models.PositiveIntegerField(help_text="a minute or an hour; 0: all time; 1: of that, what retention has removed")
    start = models.DateTimeField(help_text="of the span; of all time, 1970")
    accepted = models.BigIntegerField(default=0, help_text="by a post or a replay")
    delivered = models.BigIntegerField(default=0)
    failed = models.BigIntegerField(default=0)
    cancelled = models.BigIntegerField(default=0)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["account", "span_s", "start", "destination"], name="flow_once")]

    def __str__(self) -> str:
        return str(self.pk)


class Forgotten(models.Model):
    """Up to which cursor an account's logs may have been removed: who comes back from before it is told to start anew.

    Not a column of the counter: who removes would hold up who records.
    """

    account = models.OneToOneField(Account, on_delete=models.CASCADE, primary_key=True, related_name="+")
    cursor = models.BigIntegerField(default=0)

    def __str__(self) -> str:
        return str(self.cursor)


class Slip(models.Model):
    """What one transaction adds to the flows, until a chore books it: one row, that locks nothing, whatever it counts."""

    id = models.BigAutoField(primary_key=True)
    at = models.DateTimeField(db_default=Now())
    lines = models.BinaryField(help_text="account, destination, kind, count: logs.tally")

    def __str__(self) -> str:
        return str(self.pk)
