"""Where an account's data goes."""

import json
from datetime import datetime
from typing import cast
from urllib.parse import urlsplit

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q

from apps.accounts.models import Account
from apps.common.fields import EncryptedTextField
from apps.common.ids import uuid7
from apps.common.models import Stamped
from apps.common.validators import no_control_characters
from apps.destinations.validators import validate_retry_schedule, validate_url


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
    signing_secret = EncryptedTextField(editable=False)
    previous_secret = EncryptedTextField(blank=True, default="", editable=False)
    previous_secret_until = models.DateTimeField(null=True, editable=False, help_text="until then it signs too")
    state = models.CharField(max_length=8, choices=State.choices, default=State.ACTIVE, editable=False)
    state_reason = models.CharField(max_length=64, blank=True, default="", editable=False)
    timeout_s = models.PositiveSmallIntegerField(default=15, validators=[MinValueValidator(1), MaxValueValidator(30)])
    retry_schedule = models.JSONField(
        null=True, blank=True, validators=[validate_retry_schedule], help_text="seconds; null: RETRY_SCHEDULE"
    )
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
        ]
        indexes = [models.Index(fields=["account", "id"], condition=Q(deleted_at=None), name="destination_of_account")]

    def __str__(self) -> str:
        return self.name

    @property
    def headers(self) -> dict[str, str]:
        return cast("dict[str, str]", json.loads(self.headers_text))

    def signing_secrets(self, now: datetime) -> tuple[str, ...]:
        """Those that sign: the present one and, while its grace lasts, the one that it replaced."""
        previous, until = self.previous_secret, self.previous_secret_until
        return (self.signing_secret, previous) if until is not None and until > now else (self.signing_secret,)

    @property
    def host(self) -> str:
        return urlsplit(self.url).netloc
