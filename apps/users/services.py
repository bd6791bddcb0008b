"""Every write to users and sign-ins."""

from dataclasses import dataclass
from uuid import UUID

from allauth.account.internal.flows.email_verification import send_verification_email_to_address
from allauth.account.utils import setup_user_email
from django.conf import settings
from django.contrib.auth.hashers import make_password
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.db.models.functions import Now
from django.http import HttpRequest
from django.utils import timezone

from apps.common.errors import NotAllowed, SignInRefused
from apps.common.ids import uuid7
from apps.users import tokens
from apps.users.models import SignIn, User


def register(*, request: HttpRequest, email: str, password: str) -> str:
    """Makes the user, or does nothing when the e-mail is known: the caller's answer is the same. Returns the e-mail.

    Raises:
        NotAllowed: REGISTRATION is `invite`.
        ValidationError: e-mail or password is wrong; it names the field.
    """
    if settings.REGISTRATION != "open":
        raise NotAllowed("REGISTRATION is invite: an Admin of an account adds you.")
    user = User.objects.new(email)
    try:
        validate_password(password, user)
    except ValidationError as error:
        raise ValidationError({"password": error.messages}) from error
    user.password = make_password(password)  # for a known e-mail too: the time tells nothing
    user.clean_fields(exclude=["created_by", "updated_by"])  # itself: not stored yet
    if User.objects.filter(email=user.email).exists():
        return user.email
    try:
        with transaction.atomic():
            user.save(force_insert=True)
            address = setup_user_email(request, user, [])
    except IntegrityError:
        return user.email  # somebody registered it at the same time
    if settings.ACCOUNT_EMAIL_VERIFICATION == "mandatory" and address is not None:
        send_verification_email_to_address(request, address, signup=True)
    return user.email


@dataclass(frozen=True, slots=True)
class Pair:
    access: str
    refresh: str


def sign_in(*, user: User) -> Pair:
    """A new sign-in with its first pair of tokens. The caller has checked who it is."""
    started = SignIn(
        user=user,
        refresh_id=uuid7(),
        password_mark=user.get_session_auth_hash(),
        expires_at=timezone.now() + tokens.REFRESH_LASTS,
    )
    started.save(force_insert=True)
    return _pair(started)


def refresh(*, token: str) -> Pair:
    """The next pair. Each refresh token works once; a second use, an overlapping one too, ends the sign-in.

    Raises:
        SignInRefused: the token is not valid, was used, or its sign-in has ended.
    """
    claims = tokens.decode("refresh", token)
    if claims is None:
        raise SignInRefused("unauthenticated")
    with transaction.atomic():
        locked = SignIn.objects.select_for_update(no_key=True, of=("self",)).select_related("user")
        found = locked.filter(pk=claims.sign_in_id).first()
        if found is None or not found.is_alive(timezone.now()):
            raise SignInRefused("unauthenticated")
        used = found.refresh_id != claims.token_id
        if used:
            found.ended_at = timezone.now()
        else:
            found.refresh_id, found.expires_at = uuid7(), timezone.now() + tokens.REFRESH_LASTS
        found.save(update_fields=["refresh_id", "expires_at", "ended_at"])
    if used:  # after the commit: the end of the sign-in must stand
        raise SignInRefused("refresh_used")
    return _pair(found)


def sign_out(*, sign_in_id: UUID) -> None:
    """Ends all tokens of the sign-in at once."""
    SignIn.objects.filter(pk=sign_in_id, ended_at=None).update(ended_at=Now())


def _pair(found: SignIn) -> Pair:
    access = tokens.Claims(found.pk, uuid7())
    again = tokens.Claims(found.pk, found.refresh_id)
    access_ends = min(found.expires_at, timezone.now() + tokens.ACCESS_LASTS)
    return Pair(
        tokens.encode("access", access, user_id=found.user_id, expires_at=access_ends),
        tokens.encode("refresh", again, user_id=found.user_id, expires_at=found.expires_at),
    )
