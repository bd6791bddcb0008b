"""Every write to users and sign-ins."""

from dataclasses import dataclass
from uuid import UUID

from allauth.account.internal.flows.email_verification import send_verification_email_to_address
from allauth.account.models import EmailAddress
from allauth.account.utils import setup_user_email
from allauth.mfa.base.internal.flows import check_rate_limit
from allauth.mfa.models import Authenticator
from allauth.usersessions.models import UserSession
from django.conf import settings
from django.contrib.auth.hashers import make_password
from django.contrib.auth.password_validation import validate_password
from django.contrib.sessions.models import Session
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.db.models import Exists, OuterRef, Q
from django.db.models.functions import Now
from django.http import HttpRequest
from django.utils import timezone

from apps.audit import services as audit
from apps.common.batches import delete_some
from apps.common.errors import Missing, NotAllowed, SignInRefused, TooMany
from apps.common.ids import uuid7
from apps.common.rate import spend
from apps.users import signals, tokens
from apps.users.models import SignIn, User

# Guesses at the present password, or at a second factor, of one user.
_GUESSES, _GUESSES_S = 5, 300


def register(*, request: HttpRequest, email: str, password: str) -> str:
    """Makes the user, or does nothing when the e-mail is known: the caller's answer is the same. Returns the e-mail.

    Raises:
        NotAllowed: REGISTRATION is `invite`.
        ValidationError: e-mail or password is wrong; it names the field.
    """
    if settings.REGISTRATION != "open":
        raise NotAllowed("REGISTRATION is invite: an Admin of an account adds you.")
    user = User.objects.new(email)
    _check_password(password, user)
    user.password = make_password(password)  # for a known e-mail too: the time tells nothing
    user.clean_fields(exclude=["created_by", "updated_by"])  # itself: not stored yet
    try:
        with transaction.atomic():
            user.save(force_insert=True)
            address = setup_user_email(request, user, [])
    except IntegrityError:
        address = EmailAddress(email=user.email)  # it is known; the mail says so, to who reads it
    if settings.ACCOUNT_EMAIL_VERIFICATION == "mandatory":  # a mail either way, one in 3 minutes: neither time nor limit tells
        send_verification_email_to_address(request, address, signup=True)
    return user.email


def _check_password(password: str, user: User, field: str = "password") -> None:
    try:
        validate_password(password, user)
    except ValidationError as error:
        raise ValidationError({field: error.messages}) from error


@dataclass(frozen=True, slots=True)
class Pair:
    access: str
    refresh: str


@transaction.atomic
def sign_in(*, user: User, user_agent: str = "") -> Pair:
    """A new sign-in with its first pair of tokens. The caller has checked who it is."""
    started = SignIn(
        user=user,
        user_agent=user_agent[:200],
        refresh_id=uuid7(),
        password_mark=user.get_session_auth_hash(),
        expires_at=timezone.now() + tokens.REFRESH_LASTS,
    )
    started.save(force_insert=True)
    signals.came.send(User, user=user)
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
            signals.came.send(User, user=found.user)
        found.save(update_fields=["refresh_id", "expires_at", "ended_at"])
    if used:  # after the commit: the end of the sign-in must stand
        raise SignInRefused("refresh_used")
    return _pair(found)


def sign_out(*, sign_in_id: UUID) -> None:
    """Ends all tokens of the sign-in at once."""
    SignIn.objects.filter(pk=sign_in_id, ended_at=None).update(ended_at=Now())


def check_second_factor(*, user: User, code: str) -> None:
    """Nothing for who has none.

    Raises:
        SignInRefused: a code is wanted, or this one does not fit; each code works once.
        TooMany: too many guesses, here and on the pages together.
    """
    factors = list(Authenticator.objects.filter(user=user).order_by("type"))
    if not factors:
        return
    if not code:
        raise SignInRefused("mfa_required")
    try:
        forget_guesses = check_rate_limit(user)
    except ValidationError as error:
        raise TooMany(_GUESSES_S) from error
    if not any(factor.wrap().validate_code(code) for factor in factors):
        raise SignInRefused("mfa_code_wrong")
    forget_guesses()


def check_present_password(*, user: User, password: str) -> None:
    """Before what a forgotten browser must not do.

    Raises:
        ValidationError: on `password`.
        TooMany: too many guesses.
    """
    spend(f"password:{user.pk}", _GUESSES, _GUESSES_S)
    _compare(user, password, "password")


def _compare(user: User, password: str, field: str) -> None:
    if not user.check_password(password):
        raise ValidationError({field: ["This is not your password."]})


def change_password(*, user: User, present: str, new: str, keep: SignIn | None = None) -> None:
    """Sets the password; every session and token ends, but for the sign-in to `keep`.

    Raises:
        ValidationError: the present password is wrong, or the new one does not do.
        TooMany: too many guesses.
    """
    spend(f"password:{user.pk}", _GUESSES, _GUESSES_S)
    with transaction.atomic():
        locked = User.objects.select_for_update(no_key=True).get(pk=user.pk)
        _compare(locked, present, "current_password")
        _check_password(new, locked)
        locked.set_password(new)
        locked.save(update_fields=["password"])
        User.objects.filter(pk=locked.pk).update(updated_by=locked, updated_at=Now())
        _end_tokens(locked, keep)
    user.refresh_from_db()


def _end_tokens(user: User, keep: SignIn | None = None) -> None:
    others = SignIn.objects.filter(user=user, ended_at=None)
    if keep is not None:
        others.filter(pk=keep.pk).update(password_mark=user.get_session_auth_hash())
        others = others.exclude(pk=keep.pk)
    others.update(ended_at=Now())


def invited(*, email: str, by: User) -> User:
    """The user with this e-mail; a new one, without a password, when there is none. Part of the caller's transaction.

    Raises:
        ValidationError: on `email`.
    """
    fresh = User.objects.new(email)
    fresh.created_by = fresh.updated_by = by
    fresh.set_unusable_password()
    fresh.clean_fields(exclude=["created_by", "updated_by"])
    User.objects.bulk_create([fresh], ignore_conflicts=True)
    return User.objects.get(email=fresh.email)


@transaction.atomic
def begin_anew(*, user: User, password: str) -> None:
    """Who holds the mailbox sets the first password that counts: the e-mail is proved, and whatever went before ends.

    Every session, token, second factor and further address of the user, which may be somebody else's who used the e-mail.

    Raises:
        ValidationError: on `password`.
    """
    locked = User.objects.select_for_update(no_key=True).get(pk=user.pk)
    _check_password(password, locked)
    locked.set_password(password)
    locked.updated_by = locked
    locked.save(update_fields=["password", "updated_by"])
    User.objects.filter(pk=locked.pk).update(updated_at=Now())
    forget(locked)
    EmailAddress.objects.filter(email=locked.email).delete()  # somebody else may have asked for it
    EmailAddress.objects.create(user=locked, email=locked.email, verified=True, primary=True)


def forget(user: User) -> None:
    """Ends every session and token, and removes second factors and addresses. Part of the caller's transaction."""
    keys = list(UserSession.objects.filter(user=user).values_list("session_key", flat=True))
    Session.objects.filter(session_key__in=keys).delete()
    for kind in (UserSession, Authenticator, EmailAddress):
        kind.objects.filter(user=user).delete()
    SignIn.objects.filter(user=user).delete()


def count_as_proved(*, user: User) -> None:
    """Without a mail server nobody can prove an e-mail, and all count as proved."""
    if settings.ACCOUNT_EMAIL_VERIFICATION != "mandatory":
        fields = {"verified": True, "primary": True}
        EmailAddress.objects.update_or_create(user=user, email=user.email, defaults=fields)


def end_browser(*, user: User, session_id: int) -> None:
    """Signs one of the user's browsers out."""
    for each in UserSession.objects.filter(user=user, pk=session_id):
        each.end()


def end_sign_in(*, user: User, sign_in_id: UUID) -> None:
    """Signs one of the user's REST clients out."""
    SignIn.objects.filter(user=user, pk=sign_in_id, ended_at=None).update(ended_at=Now())


def forget_ended_sign_ins() -> int:
    """Removes up to 1,000 sign-ins that are over; returns how many. Their tokens are refused with and without them."""
    return delete_some(SignIn.objects.filter(Q(ended_at__isnull=False) | Q(expires_at__lt=Now())))


def forget_ended_sessions() -> int:
    """Removes up to 1,000 sessions of browsers that have expired, and as many of django-allauth's notes on sessions that are
    gone: their address and browser's name. Returns the greater number. Nobody is signed in by either."""
    alone = UserSession.objects.filter(~Exists(Session.objects.filter(session_key=OuterRef("session_key"))))
    return max(delete_some(Session.objects.filter(expire_date__lt=Now())), delete_some(alone))


@transaction.atomic
def set_active(*, user: User, active: bool, by: User) -> None:
    """An operator lets a person in or keeps them out: of pages, API and sockets, whatever they are signed in with.

    It stands in a history of the person's own, under their id: no account's Admin has a say in it.

    Raises:
        Missing: no such person; who is erased, and whom no person stands behind, is none.
    """
    found = User.objects.select_for_update(no_key=True).filter(pk=user.pk).first()
    if found is None or not found.is_person:
        raise Missing("No such user.")
    if found.is_active == active:
        return
    User.objects.filter(pk=found.pk).update(is_active=active, updated_at=Now(), updated_by=by)
    changes = {"before": {"is_active": found.is_active}, "after": {"is_active": active}}
    audit.record(account_id=found.pk, user_id=by.pk, action="user.active_set", object_id=found.pk, **changes)


def _pair(found: SignIn) -> Pair:
    access = tokens.Claims(found.pk, uuid7())
    again = tokens.Claims(found.pk, found.refresh_id)
    access_ends = min(found.expires_at, timezone.now() + tokens.ACCESS_LASTS)
    return Pair(
        tokens.encode("access", access, user_id=found.user_id, expires_at=access_ends),
        tokens.encode("refresh", again, user_id=found.user_id, expires_at=found.expires_at),
    )
