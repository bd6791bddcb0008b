"""Where an account's data goes."""

import json
from datetime import UTC, datetime, timedelta
from typing import cast
from urllib.parse import urlsplit

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now

from apps.accounts.models import Account, Member
from apps.common.fields import EncryptedTextField
from apps.common.ids import uuid7
from apps.common.models import Stamped
from apps.common.validators import no_control_characters
from apps.destinations.validators import CONCURRENCY_MAX, RATE_MAX, RATE_MIN, validate_retry_schedule, validate_url


def origin(url: str) -> tuple[str, str, int]:
    """Scheme, host and port: where a header's secret goes."""
    parts = urlsplit(url)
    return parts.scheme, (parts.hostname or "").lower(), parts.port or (443 if parts.scheme == "https" else 80)


class DestinationQuerySet(models.QuerySet["Destination"]):
    def alive(self) -> "DestinationQuerySet":
        return self.filter(deleted_at=None, account__deleted_at=None)


class Destination(Stamped):
    class Method(models.TextChoices):
        GET = "GET", "GET"
        POST = "POST", "POST"
        PUT = "PUT", "PUT"
        PATCH = "PATCH", "PATCH"

    class State(models.TextChoices):
        ACTIVE = "active"
        PAUSED = "paused"
        DISABLED = "disabled"

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    account = models.ForeignKey(Account, on_delete=models.CASCADE, related_name="destinations")
    name = models.CharField("Name", max_length=255, blank=True, validators=[no_control_characters])
    url = models.TextField("URL", validators=[validate_url])
    http_method = models.CharField("HTTP method", max_length=5, choices=Method.choices, default=Method.POST)
    headers_text = EncryptedTextField(editable=False, help_text="the headers as a JSON object")
    header_names = models.TextField(editable=False, default="", help_text="one a line, for the search: values never stand here")
    signing_secret = EncryptedTextField(editable=False)
    previous_secret = EncryptedTextField(blank=True, default="", editable=False)
    previous_secret_until = models.DateTimeField(null=True, editable=False, help_text="until then it signs too")
    state = models.CharField(max_length=8, choices=State.choices, default=State.ACTIVE, editable=False)
    state_reason = models.CharField(max_length=64, blank=True, default="", editable=False)
    timeout_s = models.PositiveSmallIntegerField(default=15, validators=[MinValueValidator(1), MaxValueValidator(30)])
    retry_schedule = models.JSONField(
        null=True, blank=True, validators=[validate_retry_schedule], help_text="seconds; null: RETRY_SCHEDULE"
    )
    rate_limit = models.FloatField(
        null=True,
        blank=True,
        validators=[MinValueValidator(RATE_MIN), MaxValueValidator(RATE_MAX)],
        help_text="requests a second; null: as many as come",
    )
    concurrency = models.PositiveSmallIntegerField(
        null=True,
        blank=True,
        validators=[MinValueValidator(1), MaxValueValidator(CONCURRENCY_MAX)],
        help_text="tries in the air at once; null: as many as come",
    )
    ordered = models.BooleanField(default=False, db_default=False, help_text="one after the other, in the order of acceptance")
    version = models.PositiveIntegerField(default=1, editable=False)
    deleted_at = models.DateTimeField(null=True, editable=False)

    objects = DestinationQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(http_method__in=["GET", "POST", "PUT", "PATCH"]), name="destination_method_is_known"
            ),
            models.CheckConstraint(condition=Q(state__in=["active", "paused", "disabled"]), name="destination_state_is_known"),
            models.CheckConstraint(condition=Q(timeout_s__range=(1, 30)), name="destination_timeout_is_1_to_30"),
            models.CheckConstraint(
                condition=Q(rate_limit=None) | Q(rate_limit__range=(RATE_MIN, RATE_MAX)), name="destination_rate_makes_sense"
            ),
            models.CheckConstraint(
                condition=Q(concurrency=None) | Q(concurrency__range=(1, CONCURRENCY_MAX)),
                name="destination_concurrency_makes_sense",
            ),
        ]
        indexes = [
            models.Index(fields=["account", "id"], condition=Q(deleted_at=None), name="destination_of_account"),
            models.Index(fields=["account", "name", "id"], condition=Q(deleted_at=None), name="destination_by_name"),
        ]

    def __str__(self) -> str:
        return self.name

    def clean(self) -> None:
        if self.retry_schedule == []:  # Django asks no validator about what it takes for empty
            raise ValidationError({"retry_schedule": "Give at least one wait, or null for the usual ones."})

    @property
    def policy(self) -> tuple[float | None, int | None, bool]:
        """What bounds how it is approached: rate, tries at once, order."""
        return self.rate_limit, self.concurrency, self.ordered

    @property
    def is_limited(self) -> bool:
        return self.policy != (None, None, False)

    @property
    def breaker(self) -> "Gate":
        """Its gate, with what its breaker says; one that says nothing when it has none."""
        return getattr(self, "gate", None) or Gate(destination=self, since=self.created_at, filled_at=self.created_at)

    @property
    def headers(self) -> dict[str, str]:
        return cast("dict[str, str]", json.loads(self.headers_text))

    @headers.setter
    def headers(self, headers: dict[str, str]) -> None:
        self.headers_text, self.header_names = json.dumps(headers), "\n".join(headers)

    def signing_secrets(self, now: datetime) -> tuple[str, ...]:
        """Those that sign: the present one and, while its grace lasts, the one that it replaced."""
        previous, until = self.previous_secret, self.previous_secret_until
        return (self.signing_secret, previous) if until is not None and until > now else (self.signing_secret,)

    @property
    def schedule(self) -> tuple[int, ...]:
        """Seconds from one try to the next."""
        return tuple(settings.RETRY_SCHEDULE if self.retry_schedule is None else self.retry_schedule)

    @property
    def host(self) -> str:
        return urlsplit(self.url).netloc


class Failing(models.Model):
    """Since when tries to a destination do nothing but fail. A success, or somebody who changes the destination, ends it."""

    # Without a constraint: it is written with the tallies of many accounts, which one that is purged meanwhile must not fail.
    destination = models.OneToOneField(
        Destination, on_delete=models.CASCADE, primary_key=True, related_name="+", db_constraint=False
    )
    since = models.DateTimeField(help_text="the first try that failed")
    until = models.DateTimeField(help_text="the last one, up to an hour behind")

    class Meta:
        constraints = [models.CheckConstraint(condition=Q(since__lte=F("until")), name="failing_ends_after_it_begins")]

    def __str__(self) -> str:
        return str(self.pk)


class Notice(models.Model):
    """A mail that tells an Admin that the system has disabled a destination. It is gone once it is sent."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    destination = models.ForeignKey(Destination, on_delete=models.CASCADE, related_name="+")
    member = models.ForeignKey(Member, on_delete=models.CASCADE, related_name="+")
    tries = models.PositiveSmallIntegerField(default=0)
    next_at = models.DateTimeField(db_default=Now(), help_text="when it is sent, or sent again")

    class Meta:
        indexes = [models.Index(fields=["next_at", "id"], name="notice_due")]

    def __str__(self) -> str:
        return str(self.pk)


class Gate(models.Model):
    """How a destination may be approached now. What goes to it while the gate is limited lies held, and is let through.

    A table of its own, since it changes with the tries. No row: as many as come, and the last try did not fail.
    """

    class Breaker(models.TextChoices):
        CLOSED = "closed"
        OPEN = "open"
        HALF_OPEN = "half_open"

    destination = models.OneToOneField(Destination, on_delete=models.CASCADE, primary_key=True, related_name="gate")
    policed = models.BooleanField(default=False, help_text="the destination has a rate, a number of tries at once or an order")
    breaker = models.CharField(max_length=9, choices=Breaker.choices, default=Breaker.CLOSED)
    error = models.CharField(max_length=32, blank=True, default="", help_text="of the last failure")
    response_status = models.PositiveSmallIntegerField(null=True, help_text="of the last failure")
    failures = models.PositiveIntegerField(default=0, help_text="in a row")
    since = models.DateTimeField(db_default=Now(), help_text="when the breaker changed")
    pause_s = models.FloatField(default=0.0, help_text="from the last opening to its probe")
    probe_at = models.DateTimeField(null=True, help_text="while open: when the next probe may go")
    pace = models.FloatField(null=True, help_text="requests a second, while it is approached slowly")
    pace_cut_at = models.DateTimeField(null=True, help_text="when it failed at its pace; from then on the pace grows slowly")
    slow_at = models.DateTimeField(null=True, help_text="when many tries hung at once; until it answers quickly again")
    tokens = models.FloatField(default=1.0, help_text="what may go at once of what the rate allows")
    filled_at = models.DateTimeField(db_default=Now(), help_text="when the tokens were counted")
    wake_at = models.DateTimeField(null=True, help_text="when to look at what is held; null: nothing is")

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(breaker="open", probe_at__isnull=False) | Q(breaker__in=["closed", "half_open"], probe_at=None),
                name="gate_probe_fits_breaker",
            ),
        ]
        indexes = [
            models.Index(fields=["wake_at"], condition=Q(wake_at__isnull=False), name="gate_wakes"),
            models.Index(fields=["slow_at"], condition=Q(slow_at__isnull=False), name="gate_slow"),
        ]

    def __str__(self) -> str:
        return f"{self.destination_id} {self.breaker}"

    @property
    def is_limited(self) -> bool:
        """Whether what goes to the destination must be let through. A claim asks the same in SQL."""
        return self.policed or self.breaker != self.Breaker.CLOSED or self.pace is not None or self.slow_at is not None

    @property
    def turned(self) -> int:
        """Another number after each turn of the breaker; 0: it is closed."""
        closed = self.breaker == self.Breaker.CLOSED
        return 0 if closed else (self.since - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)

    @property
    def is_blank(self) -> bool:
        """Whether no row would say the same."""
        return not self.is_limited and not self.failures and self.wake_at is None
