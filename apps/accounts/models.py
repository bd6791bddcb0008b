"""The tenant, its tokens, and who belongs to it in which role."""

from django.conf import settings
from django.core.validators import MinLengthValidator
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from apps.common.fields import EncryptedTextField
from apps.common.ids import uuid7
from apps.common.models import Stamped
from apps.common.validators import Website, no_control_characters


class AccountQuerySet(models.QuerySet["Account"]):
    def alive(self) -> "AccountQuerySet":
        return self.filter(deleted_at=None)


class Account(Stamped):
    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    account_name = models.CharField("Account name", max_length=200, validators=[MinLengthValidator(1), no_control_characters])
    website = models.URLField("Website", max_length=2048, blank=True, default="", validators=[Website()])
    version = models.PositiveIntegerField(default=1, editable=False)
    ingest_rate = models.PositiveIntegerField(null=True, editable=False, help_text="posts per second; null: the setting's")
    deleted_at = models.DateTimeField(null=True, editable=False)

    objects = AccountQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(condition=~Q(account_name=""), name="account_has_a_name"),
            models.CheckConstraint(condition=Q(ingest_rate=None) | Q(ingest_rate__gt=0), name="account_rate_is_positive"),
        ]

    def __str__(self) -> str:
        return self.account_name


class Full(models.Model):
    """An account of which more than MAX_WAITING_PER_ACCOUNT deliveries wait: it takes nothing until fewer do.

    A table of its own, since whoever books the ledger writes it: that must not hold up, nor change, the account's row.
    """

    account = models.OneToOneField(Account, on_delete=models.CASCADE, primary_key=True, related_name="full")
    since = models.DateTimeField(db_default=Now())

    def __str__(self) -> str:
        return str(self.pk)


class TokenQuerySet(models.QuerySet["Token"]):
    def alive(self) -> "TokenQuerySet":
        return self.filter(Q(expires_at=None) | Q(expires_at__gt=Now()), account__deleted_at=None)


class Token(models.Model):
    """An app secret token. Found by its digest (a token has 256 random bits, so a plain SHA-256 cannot be guessed back)."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    account = models.ForeignKey(Account, on_delete=models.CASCADE, related_name="tokens")
    digest = models.BinaryField(max_length=32, unique=True)
    secret = EncryptedTextField()
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    expires_at = models.DateTimeField(null=True, help_text="null: the current token")

    objects = TokenQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["account"], condition=Q(expires_at=None), name="token_one_current"),
        ]

    def __str__(self) -> str:
        return str(self.pk)


class Role(models.Model):
    """The two roles, made by a migration."""

    ADMIN = "Admin"
    NORMAL_USER = "Normal user"

    id = models.PositiveSmallIntegerField(primary_key=True)
    role_name = models.CharField(max_length=32, unique=True)
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    updated_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(id=1, role_name="Admin") | Q(id=2, role_name="Normal user"), name="role_is_one_of_two"
            ),
        ]

    def __str__(self) -> str:
        return self.role_name


class MemberQuerySet(models.QuerySet["Member"]):
    def active(self) -> "MemberQuerySet":
        """Those with rights."""
        may = Q(state=Member.State.ACTIVE) | Q(trusted=True)
        return self.filter(may, account__deleted_at=None, user__is_active=True)


class Member(Stamped):
    """A user's place in an account.

    Whoever is added by e-mail is `invited` until they come, so that nobody learns from it whether the e-mail was known.
    """

    class State(models.TextChoices):
        ACTIVE = "active"
        INVITED = "invited"

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    account = models.ForeignKey(Account, on_delete=models.CASCADE, related_name="members")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="members")
    role = models.ForeignKey(Role, on_delete=models.PROTECT, related_name="+")
    state = models.CharField(max_length=8, choices=State.choices, default=State.ACTIVE)
    trusted = models.BooleanField(
        default=False, editable=False, help_text="has rights while `invited`: had proved the e-mail when added"
    )
    version = models.PositiveIntegerField(default=1, editable=False)

    objects = MemberQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["account", "user"], name="member_once_in_an_account"),
            models.CheckConstraint(condition=Q(state__in=["active", "invited"]), name="member_state_is_known"),
        ]

    def __str__(self) -> str:
        return str(self.pk)
