"""A bulk replay: a stored job that sends many deliveries again. What it was asked for, how far it has come, when it goes on.
And the processes that work."""

from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now

from apps.accounts.models import Account
from apps.common.ids import uuid7
from apps.destinations.models import Destination


class Replay(models.Model):
    """Its range is fixed when it begins. It walks the deliveries in the order in which they were made, and stores its position
    with what it makes, so that a crash anywhere neither leaves one out nor sends one twice."""

    class State(models.TextChoices):
        RUNNING = "running"
        PAUSED = "paused"
        DONE = "done"
        CANCELLED = "cancelled"

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="+", db_index=False)
    destination = models.ForeignKey(
        Destination, on_delete=models.PROTECT, related_name="+", null=True, help_text="null: all of them"
    )
    status = models.CharField(max_length=10, blank=True, default="", help_text="of the deliveries; empty: any")
    reason = models.CharField(max_length=16, blank=True, default="", help_text="of the deliveries; empty: any")
    created_after = models.DateTimeField(null=True, help_text="the deliveries were made after it")
    created_before = models.DateTimeField(help_text="and before it: when the job began, at the latest")
    rate = models.PositiveIntegerField(help_text="new deliveries a second")
    state = models.CharField(max_length=9, choices=State.choices, default=State.RUNNING)
    clearing = models.BooleanField(default=False, help_text="cancelled, and what waits of it is being cancelled")
    next_at = models.DateTimeField(db_default=Now(), help_text="when its next step is due")
    position_at = models.DateTimeField(null=True, help_text="created_at of the last delivery that it has looked at")
    position_id = models.UUIDField(null=True)
    total = models.PositiveBigIntegerField(help_text="deliveries that matched when it began")
    total_exact = models.BooleanField(help_text="false: there are more; counting stopped there")
    handled = models.PositiveBigIntegerField(default=0)
    made = models.PositiveBigIntegerField(default=0, help_text="new deliveries")
    busy = models.PositiveBigIntegerField(default=0, help_text="left out: it is on its way already")
    needless = models.PositiveBigIntegerField(default=0, help_text="left out: nothing is to be sent")
    version = models.PositiveIntegerField(default=1, help_text="another after each change")
    created_at = models.DateTimeField(db_default=Now())
    updated_at = models.DateTimeField(db_default=Now())
    finished_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["account"], condition=Q(state="running"), name="replay_one_running_of_account"),
            models.CheckConstraint(condition=Q(rate__gt=0), name="replay_rate_is_above_0"),
            models.CheckConstraint(
                condition=Q(handled=F("made") + F("busy") + F("needless")), name="replay_counts_add_up_to_handled"
            ),
            models.CheckConstraint(
                condition=Q(position_at=None, position_id=None) | Q(position_at__isnull=False, position_id__isnull=False),
                name="replay_position_is_whole",
            ),
            models.CheckConstraint(
                condition=Q(state__in=["running", "paused"], finished_at=None, clearing=False)
                | Q(state="done", finished_at__isnull=False, clearing=False)
                | Q(state="cancelled", finished_at__isnull=False),
                name="replay_end_fits_state",
            ),
        ]
        indexes = [
            models.Index(fields=["account", "id"], name="replay_of_account"),
            models.Index(fields=["next_at", "id"], condition=Q(state="running"), name="replay_due"),
            models.Index(fields=["id"], condition=Q(clearing=True), name="replay_clearing"),
        ]

    def __str__(self) -> str:
        return str(self.pk)


class Process(models.Model):
    """That a process can store, and when it last did: a worker every 10 s as it looks for work, a web process when it is asked
    whether it is ready. Only how many there are is read; what is old goes."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    works = models.BooleanField(help_text="it delivers")
    seen_at = models.DateTimeField(db_default=Now())

    class Meta:
        verbose_name_plural = "processes"

    def __str__(self) -> str:
        return str(self.pk)
