"""Who a person is."""

import uuid
from datetime import datetime
from typing import Any, ClassVar

from django.contrib.auth.models import AbstractBaseUser, BaseUserManager, PermissionsMixin
from django.db import models
from django.db.models.functions import Lower, Now
from django.utils.crypto import constant_time_compare

from apps.common.ids import uuid7
from apps.common.models import Stamped
from apps.common.validators import Email

# Made by a migration. Commands act as this user; nobody can sign in as it.
SYSTEM_USER_ID = uuid.UUID(int=1)
# Made by a migration too. Stands where an erased person stood.
ANONYMOUS_USER_ID = uuid.UUID(int=2)


class UserManager(BaseUserManager["User"]):
    def new(self, email: str) -> "User":
        """An unsaved user who made themself."""
        user = self.model(email=email.strip().lower())
        user.created_by_id = user.updated_by_id = user.pk
        return user

    def create_user(self, email: str, password: str | None = None, **fields: Any) -> "User":
        user = self.new(email)
        for name, value in fields.items():
            setattr(user, name, value)
        user.set_password(password)
        user.full_clean(exclude=["created_by", "updated_by"])  # itself: not stored yet
        user.save(using=self._db)
        return user

    def create_superuser(self, email: str, password: str | None = None, **fields: Any) -> "User":
        return self.create_user(email, password, is_staff=True, is_superuser=True, **fields)


class User(AbstractBaseUser, PermissionsMixin, Stamped):
    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    email = models.EmailField(max_length=254, unique=True, validators=[Email()], help_text="lower case")
    is_active = models.BooleanField(default=True)
    is_staff = models.BooleanField(default=False)

    objects: ClassVar[UserManager] = UserManager()

    USERNAME_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = []

    class Meta:
        constraints = [
            models.CheckConstraint(condition=models.Q(email=Lower("email")), name="user_email_is_lower_case"),
        ]

    def __str__(self) -> str:
        return str(self.pk)  # never the e-mail: this text reaches logs

    @property
    def erased_email(self) -> str:
        """What stands in place of the e-mail once the person is erased. No mail goes there: RFC 2606."""
        return f"{self.pk}@erased.invalid"

    @property
    def is_person(self) -> bool:
        """Whether somebody can be let in as this user: not the system, nor who stands for the erased, nor one of them."""
        return self.pk not in {SYSTEM_USER_ID, ANONYMOUS_USER_ID} and self.email != self.erased_email


class SignIn(models.Model):
    """What a REST client's tokens stand on. Ending it ends them all, access tokens too."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+")
    refresh_id = models.UUIDField(help_text="of the one refresh token that has not been used")
    password_mark = models.CharField(max_length=128, help_text="changes with the password, which ends the sign-in")
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    expires_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)
    user_agent = models.CharField(max_length=200, blank=True, default="", help_text="by which a person knows it again")

    class Meta:
        indexes = [
            # For the removal of those that are over.
            models.Index(fields=["expires_at"], name="sign_in_expires"),
            models.Index(fields=["ended_at"], condition=models.Q(ended_at__isnull=False), name="sign_in_ended"),
        ]

    def __str__(self) -> str:
        return str(self.pk)

    def is_alive(self, now: datetime) -> bool:
        """Whether its tokens count: not ended, not expired, the user active, the password unchanged."""
        return self.ended_at is None and self.expires_at > now and self.user.is_active and fits(self.user, self.password_mark)


def fits(user: User, mark: str) -> bool:
    """Whether the mark was made of the user's present password."""
    marks = [user.get_session_auth_hash(), *user.get_session_auth_fallback_hash()]
    return any(constant_time_compare(mark, own) for own in marks)
