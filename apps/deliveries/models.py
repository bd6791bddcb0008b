"""The promise to bring one event to one destination. It is the queue."""

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from apps.accounts.models import Account
from apps.common.ids import uuid7
from apps.destinations.models import Destination
from apps.events.models import Event

# Leases lost in a row until a delivery is claimed alone, and until it is `quarantined`: two, then three more alone.
# Without the first step one deadly delivery took 399 innocents of the same claim with it (measured).
SUSPECT_AT = 2
QUARANTINE_AT = 5


class DeliveryQuerySet(models.QuerySet["Delivery"]):
    def due(self) -> "DeliveryQuerySet":
        """What can go now: waiting, its time has come, its destination takes data (or is gone: to be cancelled)."""
        held = Q(destination__state__in=["paused", "disabled"], destination__deleted_at=None, account__deleted_at=None)
        return self.filter(status=Delivery.Status.PENDING, next_attempt_at__lte=Now()).exclude(held)

    def suspects(self) -> "DeliveryQuerySet":
        """Those with which two workers in a row were lost. One of them may be what kills, so each is claimed alone."""
        return self.filter(lost_leases__gte=SUSPECT_AT)

    def expired(self) -> "DeliveryQuerySet":
        """Claimed by a worker that did not report in time."""
        return self.filter(status=Delivery.Status.DELIVERING, lease_until__lt=Now())

    def open(self) -> "DeliveryQuerySet":
        return self.filter(status__in=[Delivery.Status.PENDING, Delivery.Status.DELIVERING])


class Delivery(models.Model):
    class Status(models.TextChoices):
        PENDING = "pending"
        DELIVERING = "delivering"
        SUCCESS = "success"
        FAILED = "failed"
        CANCELLED = "cancelled"

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
    lease_token = models.UUIDField(null=True)
    lease_until = models.DateTimeField(null=True)
    created_at = models.DateTimeField(db_default=Now())
    updated_at = models.DateTimeField(db_default=Now())

    objects = DeliveryQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["event", "destination"], name="delivery_once_for_event_and_destination"),
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
            models.Index(fields=["next_attempt_at", "id"], condition=Q(status="pending"), name="delivery_due"),
            models.Index(fields=["lease_until"], condition=Q(status="delivering"), name="delivery_leased"),
            models.Index(
                fields=["next_attempt_at"], condition=Q(status="pending", lost_leases__gte=2), name="delivery_suspect"
            ),
            models.Index(fields=["account", "status", "-created_at"], name="delivery_of_account"),
            models.Index(
                fields=["destination"],
                condition=Q(status__in=["pending", "delivering"]),
                name="delivery_open_of_destination",
            ),
        ]

    def __str__(self) -> str:
        return str(self.pk)
