"""What happened: one row a processed try, append-only."""

from django.db import models
from django.db.models import Q

from apps.accounts.models import Account
from apps.destinations.models import Destination
from apps.events.models import Event


class Status(models.TextChoices):
    SUCCESS = "success"
    FAILED = "failed"


class Log(models.Model):
    """What the receiver sent stands here as bytes: no encoding of it can fail the batch that records it."""

    id = models.UUIDField(primary_key=True, editable=False, help_text="made with the try: recording it twice is seen")
    cursor = models.BigIntegerField(help_text="the account's dense counter: 1, 2, 3 … without a hole")
    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="+", db_index=False)
    destination = models.ForeignKey(Destination, on_delete=models.PROTECT, related_name="+", db_index=False)
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
            models.Index(fields=["account", "cursor"], condition=Q(status="failed"), name="log_failed"),
            models.Index(fields=["account", "processed_timestamp"], name="log_by_time"),
        ]

    def __str__(self) -> str:
        return str(self.pk)


class LogCounter(models.Model):
    """The newest cursor of each account. A table of its own: locking it must not hold up whoever reads the account."""

    account = models.OneToOneField(Account, on_delete=models.CASCADE, primary_key=True, related_name="+")
    value = models.BigIntegerField(default=0)

    def __str__(self) -> str:
        return str(self.value)
