"""The promise to bring one event to one destination. It is the queue."""

from datetime import datetime
from uuid import UUID

from django.db import models
from django.db.models import Case, F, Q, When
from django.db.models.functions import Now

from apps.accounts.models import Account
from apps.common.ids import uuid7
from apps.deliveries.jobs import Replay
from apps.destinations.models import Destination, Gate
from apps.events.models import Event

# Leases lost in a row until a delivery is claimed alone, and until it is `quarantined`: two, then three more alone.
# Without the first step one deadly delivery took 399 innocents of the same claim with it (measured).
SUSPECT_AT = 2
QUARANTINE_AT = 5


class DeliveryQuerySet(models.QuerySet["Delivery"]):
    def ready(self) -> "DeliveryQuerySet":
        """What lies before the claims: waiting, its time has come, and no claim has found its destination closed."""
        return self.filter(status=Delivery.Status.PENDING, queue=Delivery.Queue.READY)

    def suspects(self) -> "DeliveryQuerySet":
        """Those with which two workers in a row were lost. One of them may be what kills, so each is claimed alone."""
        return self.filter(lost_leases__gte=SUSPECT_AT)

    def expired(self, now: datetime) -> "DeliveryQuerySet":
        """Claimed by a worker that did not report in time, by the database's clock."""
        return self.filter(status=Delivery.Status.DELIVERING, lease_until__lt=now)

    def open(self) -> "DeliveryQuerySet":
        return self.filter(status__in=[Delivery.Status.PENDING, Delivery.Status.DELIVERING])


class Delivery(models.Model):
    class Status(models.TextChoices):
        PENDING = "pending"
        DELIVERING = "delivering"
        SUCCESS = "success"
        FAILED = "failed"
        CANCELLED = "cancelled"

    class Queue(models.IntegerChoices):
        """Where a pending delivery waits. What is ready alone lies in the index by which claims look."""

        READY = 0
        LATER = 1
        HELD = 2

    class Waits(models.TextChoices):
        NOTHING = ""
        RESUME = "resume"
        BREAKER = "breaker"
        ORDER = "order"
        LIMIT = "limit"

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="+", db_index=False)
    event = models.ForeignKey(Event, on_delete=models.PROTECT, related_name="deliveries", db_index=False)
    destination = models.ForeignKey(Destination, on_delete=models.PROTECT, related_name="+", db_index=False)
    status = models.CharField(max_length=10, choices=Status.choices, default=Status.PENDING)
    reason = models.CharField(max_length=16, blank=True, default="")
    attempts = models.PositiveIntegerField(default=0, help_text="tries with a result")
    claims = models.PositiveIntegerField(default=0, help_text="times taken by a worker, with a result or not")
    lost_leases = models.PositiveSmallIntegerField(
        default=0, help_text="leases in a row that ended without a result: their worker died or hung"
    )
    next_attempt_at = models.DateTimeField(null=True, db_default=Now())
    queue = models.PositiveSmallIntegerField(
        choices=Queue.choices,
        default=Queue.READY,
        db_default=0,
        help_text="while pending: ready; later, a sweep brings it when due; held, its destination's gate does, or its resuming",
    )
    lease_token = models.UUIDField(null=True)
    lease_until = models.DateTimeField(null=True)
    replay_of = models.UUIDField(null=True, help_text="the first delivery of the event to the destination; null: this is it")
    job = models.ForeignKey(
        Replay, on_delete=models.PROTECT, related_name="+", db_index=False, null=True, help_text="the bulk replay that made it"
    )
    superseded = models.BooleanField(
        default=False, db_default=False, help_text="a replay of it succeeded while it was in the air"
    )
    created_at = models.DateTimeField(db_default=Now())
    updated_at = models.DateTimeField(db_default=Now())

    objects = DeliveryQuerySet.as_manager()

    class Meta:
        verbose_name_plural = "deliveries"
        constraints = [
            # Only among those that are no replays. Over all rows, not a partial index, since it is also the one by which an
            # event's deliveries are found; so a replay, which may be repeated, brings its own id.
            models.UniqueConstraint(
                F("event"),
                F("destination"),
                Case(When(replay_of=None, then=F("event")), default=F("id")),
                name="delivery_once_but_for_replays",
            ),
            models.UniqueConstraint(
                fields=["event", "destination"],
                condition=Q(replay_of__isnull=False, status__in=["pending", "delivering"]),
                name="delivery_one_open_replay",
            ),
            models.UniqueConstraint(
                fields=["job", "event", "destination"], condition=Q(job__isnull=False), name="delivery_once_of_a_job"
            ),
            models.CheckConstraint(
                condition=Q(status="pending", next_attempt_at__isnull=False, lease_token=None, lease_until=None)
                | Q(status="delivering", next_attempt_at=None, lease_token__isnull=False, lease_until__isnull=False)
                | Q(
                    status__in=["success", "failed", "cancelled"],
                    next_attempt_at=None,
                    lease_token=None,
                    lease_until=None,
                ),
                name="delivery_times_and_lease_fit_status",
            ),
            models.CheckConstraint(
                condition=Q(status="failed", reason__in=["tries_ended", "quarantined", "expired", "url_too_long"])
                | Q(status="cancelled", reason__in=["deleted", "replayed", "by_person"])
                | Q(status__in=["pending", "delivering", "success"], reason=""),
                name="delivery_reason_fits_status",
            ),
        ]
        indexes = [
            # What claims look through, and what they never do: however much waits there, it costs them nothing.
            models.Index(
                fields=["account", "next_attempt_at", "id"],
                condition=Q(status="pending", queue=0, lost_leases__lt=2),
                name="delivery_ready",
            ),
            models.Index(
                fields=["next_attempt_at", "id"],
                condition=Q(status="pending", queue=0, lost_leases__gte=2),
                name="delivery_suspect",
            ),
            models.Index(fields=["next_attempt_at", "id"], condition=Q(status="pending", queue=1), name="delivery_later"),
            models.Index(
                fields=["destination", "queue", "created_at", "event"],
                condition=Q(status="pending"),
                name="delivery_waiting",
            ),
            models.Index(
                fields=["job", "status"],
                condition=Q(job__isnull=False, status__in=["pending", "delivering"]),
                name="delivery_open_of_job",
            ),
            models.Index(fields=["lease_until"], condition=Q(status="delivering"), name="delivery_leased"),
            models.Index(fields=["account", "created_at", "id"], name="delivery_of_account"),
            models.Index(fields=["destination", "created_at", "id"], name="delivery_by_destination"),
            # Partial: a delivery that succeeded, as most do, leaves both.
            models.Index(
                fields=["account", "status", "created_at", "id"], condition=~Q(status="success"), name="delivery_by_status"
            ),
            models.Index(
                fields=["account", "reason", "created_at", "id"], condition=Q(reason__gt=""), name="delivery_by_reason"
            ),
        ]

    def __str__(self) -> str:
        return str(self.pk)

    @property
    def is_open(self) -> bool:
        return self.status in {self.Status.PENDING, self.Status.DELIVERING}

    @property
    def waits_for(self) -> str:
        """What keeps it, beside its own time."""
        if self.status != self.Status.PENDING:
            return self.Waits.NOTHING
        if self.destination.state != Destination.State.ACTIVE:
            return self.Waits.RESUME
        gate = getattr(self.destination, "gate", None)
        if gate is None or not gate.is_limited or getattr(self, "slot", None) is not None:
            return self.Waits.NOTHING
        if self.destination.ordered:
            return self.Waits.ORDER
        if self.queue == self.Queue.LATER:
            return self.Waits.NOTHING
        return self.Waits.LIMIT if gate.breaker == Gate.Breaker.CLOSED else self.Waits.BREAKER

    @property
    def waits_behind(self) -> UUID | None:
        """In an ordered destination: the delivery whose turn it is. Known of rows that `deliveries_among` reads."""
        return getattr(self, "first_in_line", None) if self.waits_for == self.Waits.ORDER else None

    @property
    def held(self) -> bool:
        """Whether it waits for its destination to be resumed, or to work again."""
        return self.waits_for in {self.Waits.RESUME, self.Waits.BREAKER}

    @property
    def max_attempts(self) -> int:
        return len(self.destination.schedule) + 1


class Slot(models.Model):
    """A place at a limited destination: the delivery may go, or is in the air; in order, also while it waits for its next try.

    Who holds the gate gives it. It ends with a result; what was cancelled or put aside meanwhile is found by who looks next.
    """

    delivery = models.OneToOneField(
        Delivery, on_delete=models.CASCADE, primary_key=True, related_name="slot", db_constraint=False
    )
    gate = models.ForeignKey(Gate, on_delete=models.CASCADE, related_name="slots")

    def __str__(self) -> str:
        return str(self.delivery_id)


class Closing(models.Model):
    """A deleted account or destination whose open deliveries are to be cancelled, in small transactions, by a chore."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    account = models.ForeignKey(Account, on_delete=models.CASCADE, related_name="+")
    destination = models.ForeignKey(
        Destination, on_delete=models.CASCADE, related_name="+", null=True, help_text="null: all of the account"
    )

    def __str__(self) -> str:
        return str(self.pk)


class Opening(models.Model):
    """A resumed destination whose held deliveries are to be made ready again, in small transactions, by a chore."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    destination = models.ForeignKey(Destination, on_delete=models.CASCADE, related_name="+")

    def __str__(self) -> str:
        return str(self.pk)


class ExportQuerySet(models.QuerySet["Export"]):
    def kept(self) -> "ExportQuerySet":
        return self.filter(Q(expires_at=None) | Q(expires_at__gt=Now()))


class Export(models.Model):
    """A job that writes an account's data as JSON lines. What is written so far, and where it goes on."""

    class State(models.TextChoices):
        RUNNING = "running"
        DONE = "done"
        FAILED = "failed"

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="+")
    state = models.CharField(max_length=8, choices=State.choices, default=State.RUNNING)
    reason = models.CharField(max_length=16, blank=True, default="", help_text="why it failed")
    section = models.PositiveSmallIntegerField(default=0, help_text="which kind of row is being written")
    position = models.CharField(max_length=36, blank=True, default="", help_text="the key of the last row that was written")
    parts = models.PositiveIntegerField(default=0)
    lines = models.PositiveBigIntegerField(default=0)
    bytes = models.PositiveBigIntegerField(default=0, help_text="of the lines, as they are read")
    created_at = models.DateTimeField(db_default=Now())
    updated_at = models.DateTimeField(db_default=Now())
    expires_at = models.DateTimeField(null=True, help_text="when it is removed; null while it is written")

    objects = ExportQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["account"], condition=Q(state="running"), name="export_one_open_of_account"),
            models.CheckConstraint(
                condition=Q(state="running", expires_at=None, reason="")
                | Q(state="done", expires_at__isnull=False, reason="")
                | Q(state="failed", expires_at__isnull=False, reason__in=["internal", "too_large"]),
                name="export_end_fits_state",
            ),
        ]

    def __str__(self) -> str:
        return str(self.pk)


class ExportPart(models.Model):
    """Some whole lines of an export, gzipped. Stored here since web and worker may run on different hosts."""

    export = models.ForeignKey(Export, on_delete=models.PROTECT, related_name="+", db_index=False)
    number = models.PositiveIntegerField()
    content = models.BinaryField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["export", "number"], name="export_part_once")]

    def __str__(self) -> str:
        return f"{self.export_id} {self.number}"
