"""What came in, byte for byte."""

from django.db import models
from django.db.models.functions import Now

from apps.accounts.models import Account
from apps.common.ids import uuid7


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
        indexes = [models.Index(fields=["account", "-received_timestamp", "-id"], name="event_by_time")]

    def __str__(self) -> str:
        return str(self.pk)
