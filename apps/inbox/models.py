"""The built-in test receiver: an address of ours that shows what comes to it."""

from datetime import timedelta

from django.conf import settings
from django.db import models
from django.db.models.functions import Now

from apps.accounts.models import Account
from apps.common.ids import uuid7

# An inbox is for looking at, not for keeping.
KEPT = 100
KEPT_FOR = timedelta(hours=24)


class Inbox(models.Model):
    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    account = models.ForeignKey(Account, on_delete=models.CASCADE, related_name="+")
    key = models.CharField(max_length=26, unique=True, help_text="the random part of its address")
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        verbose_name_plural = "inboxes"

    def __str__(self) -> str:
        return str(self.pk)

    @property
    def url(self) -> str:
        return f"{settings.PUBLIC_URL}/inbox/{self.key}/"


class Received(models.Model):
    """One request that came to an inbox, signed."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    inbox = models.ForeignKey(Inbox, on_delete=models.CASCADE, related_name="received", db_index=False)
    received_at = models.DateTimeField(db_default=Now())
    method = models.CharField(max_length=7)
    query = models.TextField(blank=True, default="")
    headers = models.BinaryField(help_text="JSON object; the destination's own values and the signature are masked")
    body = models.BinaryField()
    size = models.PositiveIntegerField(help_text="bytes of the body")

    class Meta:
        indexes = [
            models.Index(fields=["inbox", "id"], name="received_of_inbox"),
            models.Index(fields=["received_at"], name="received_by_time"),
        ]

    def __str__(self) -> str:
        return str(self.pk)
