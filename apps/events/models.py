"""What came in, byte for byte."""

from dataclasses import dataclass, field
from uuid import UUID

from django.db import models
from django.db.models.functions import Now

from apps.accounts.models import Account
from apps.common.ids import uuid7
from apps.events.fields import WordsField


class Event(models.Model):
    """One accepted piece of data. Immutable."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="+", db_index=False)
    event_id = models.CharField(max_length=255, help_text="the sender's own id, unique in the account")
    received_timestamp = models.DateTimeField(db_default=Now())
    body = models.BinaryField(help_text="the received bytes, unchanged")
    digest = models.BinaryField(max_length=32, help_text="SHA-256 of the body: the same bytes again are no conflict")
    size = models.PositiveIntegerField(help_text="bytes")
    traceparent = models.CharField(max_length=55, blank=True, default="", help_text="W3C trace context of the sender")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["account", "event_id"], name="event_id_once_in_an_account")]
        indexes = [
            models.Index(fields=["account", "-received_timestamp", "-id"], name="event_by_time"),
            models.Index(fields=["account", "size"], name="event_by_size"),
        ]

    def __str__(self) -> str:
        return str(self.pk)


@dataclass(slots=True)
class NewEvent:
    """An event on its way to its row. Not a model: making one of those takes ten times as long."""

    account_id: UUID
    event_id: str
    body: bytes
    digest: bytes
    size: int
    traceparent: str = ""
    id: UUID = field(default_factory=uuid7)


class Unindexed(models.Model):
    """An event whose words are still to be written: a row comes with the event, in its transaction, and goes with its words.

    Without a constraint to the event: the row came with it, and checking each would cost the accepting transaction.
    """

    event = models.OneToOneField(Event, on_delete=models.CASCADE, primary_key=True, related_name="+", db_constraint=False)

    def __str__(self) -> str:
        return str(self.pk)


class Words(models.Model):
    """The words by which an event is found. Beside the event: writing them can never make one fail."""

    event = models.OneToOneField(Event, on_delete=models.CASCADE, primary_key=True, related_name="+")
    words = WordsField()

    def __str__(self) -> str:
        return str(self.pk)
