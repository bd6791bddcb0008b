"""Who is signed in, and who has proved who they are."""

from collections.abc import Iterable
from typing import Any, Protocol, cast
from uuid import UUID

from allauth.account.models import EmailAddress
from allauth.usersessions.models import UserSession
from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.contrib.sessions.models import Session
from django.db.models import QuerySet
from django.db.models.functions import Now
from django.utils import timezone

from apps.users import tokens
from apps.users.models import SignIn, User, fits


class HasUser(Protocol):
    """A request, Django's or DRF's."""

    @property
    def user(self) -> Any: ...


def caller(request: HasUser) -> User:
    """Who asks. Only for views that let nobody in who is not signed in."""
    return cast(User, request.user)


def signed_in(session_keys: Iterable[str]) -> dict[str, UUID]:
    """session key -> user id, for the sessions that are alive: not signed out, not expired, password unchanged.

    Two queries for any number of keys.
    """
    # A key that Django did not make may hold a NUL, which PostgreSQL refuses with an error.
    wellformed = [key for key in session_keys if key.isalnum()]
    sessions = Session.objects.filter(session_key__in=wellformed, expire_date__gt=Now())
    data = {session.session_key: session.get_decoded() for session in sessions}
    claimed = {key: values for key, values in data.items() if SESSION_KEY in values and BACKEND_SESSION_KEY in values}
    users = {
        str(user.pk): user
        for user in User.objects.filter(pk__in={values[SESSION_KEY] for values in claimed.values()}, is_active=True)
    }
    return {
        key: users[values[SESSION_KEY]].pk
        for key, values in claimed.items()
        if values[SESSION_KEY] in users and fits(users[values[SESSION_KEY]], values.get(HASH_SESSION_KEY, ""))
    }


def bearer_of(access: str) -> SignIn | None:
    """The living sign-in of an access token, with its user; None when the token does not count (any more). One query."""
    claims = tokens.decode("access", access)
    if claims is None:
        return None
    found = SignIn.objects.select_related("user").filter(pk=claims.sign_in_id).first()
    return found if found is not None and found.is_alive(timezone.now()) else None


def living(sign_in_ids: Iterable[UUID]) -> dict[UUID, UUID]:
    """sign-in id -> user id, for those that are alive. One query."""
    now = timezone.now()
    found = SignIn.objects.select_related("user").filter(pk__in=list(sign_in_ids), ended_at=None)
    return {each.pk: each.user_id for each in found if each.is_alive(now)}


def has_proved(user: User) -> bool:
    """Whether the e-mail is known to be the user's own. Without a mail server it counts as proved once there is a password."""
    if settings.ACCOUNT_EMAIL_VERIFICATION != "mandatory":
        return user.has_usable_password()
    return bool(EmailAddress.objects.filter(user=user, email=user.email, verified=True).exists())


def sign_ins_of(user: User) -> list[SignIn]:
    """The REST clients that are signed in, newest first."""
    now = timezone.now()
    rows = SignIn.objects.filter(user=user, ended_at=None, expires_at__gt=now).select_related("user").order_by("-id")
    return [each for each in rows if each.is_alive(now)]


def browsers_of(user: User) -> list[UserSession]:
    """The browsers that are signed in, newest first. Three queries."""
    rows: QuerySet[UserSession] = UserSession.objects.filter(user=user).order_by("-pk")
    alive = signed_in(rows.values_list("session_key", flat=True))
    return [each for each in rows if each.session_key in alive]
