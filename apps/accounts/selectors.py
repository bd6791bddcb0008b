"""Every read of accounts. A person sees the accounts of which they are an active member; others do not exist."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from allauth.mfa.models import Authenticator
from django.db.models import QuerySet

from apps.accounts.models import Account, Full, Member, Role, Token
from apps.accounts.policies import rights_of
from apps.common.errors import Missing, TooMany
from apps.common.rows import Reading
from apps.users.models import SignIn, User
from apps.users.selectors import browsers_of


@dataclass(frozen=True, slots=True)
class TokenOwner:
    account_id: UUID
    ingest_rate: int | None  # posts per second; None: the setting's
    full: bool  # it takes nothing: too many of its deliveries wait


def visible_accounts(user: User) -> QuerySet[Account]:
    """The accounts that the user may read."""
    return Account.objects.alive().filter(members__in=Member.objects.active().filter(user=user))


def accounts_of(user: User) -> list[Account]:
    """The accounts that the user may read, by name."""
    return list(visible_accounts(user).order_by("account_name", "id"))


def may_create_accounts(user: User) -> bool:
    """Whoever registered, or is Admin of some account; not who came only by invitation as Normal user."""
    return user.created_by_id == user.pk or Member.objects.active().filter(user=user, role__role_name=Role.ADMIN).exists()


def membership(user: User, account_id: UUID) -> Member:
    """The user's place in the account, with `account` and `role` loaded.

    Raises:
        Missing: no such account, a deleted one, or not a member: all the same to the caller.
    """
    member = Member.objects.active().filter(user=user, account_id=account_id).select_related("account", "role").first()
    if member is None:
        raise Missing("No such account.")
    return member


def frame(member: Member, section: str) -> dict[str, Any]:
    """What stands around every page of an account: the bar, and what the member's role may do there. One query."""
    role = member.role.role_name
    return {
        "account": member.account,
        "accounts": accounts_of(member.user),
        "role": role,
        "may": rights_of(role),
        "section": section,
    }


def members_of(user: User) -> dict[UUID, Member]:
    """account id -> the user's place in it, with the role loaded. One query."""
    rows = Member.objects.active().filter(user=user).select_related("role", "user")
    return {member.account_id: member for member in rows}


def shares_an_account(one: User, other: User) -> bool:
    """Whether both are in some account. Somebody who has not come yet is in none."""
    common = Member.objects.active().filter(user=other, state=Member.State.ACTIVE)
    return other.is_active and common.filter(account__in=visible_accounts(one)).exists()


def fellows(account_ids: Iterable[UUID]) -> QuerySet[Member]:
    """The members of these accounts, the invited ones too, with their users."""
    return Member.objects.filter(account__in=list(account_ids), account__deleted_at=None).select_related("user")


def waiting_for(account_id: UUID, email: str) -> Member | None:
    """Who was invited to the account by this e-mail and has not come, with the role loaded."""
    rows = Member.objects.filter(account=account_id, state=Member.State.INVITED, user__email=email.strip().lower())
    return rows.select_related("role", "user").first()


def emails_in(account: Account, user_ids: Iterable[UUID]) -> dict[UUID, str]:
    """user id -> e-mail, for those of the people who have a place in the account. One query."""
    rows = Member.objects.filter(account=account, user_id__in=set(user_ids))
    return dict(rows.values_list("user_id", "user__email"))


def roles(pairs: Iterable[tuple[UUID, UUID]]) -> dict[tuple[UUID, UUID], str]:
    """(account id, user id) -> role name, for the pairs that are active memberships. One query."""
    wanted = set(pairs)
    rows = Member.objects.active().filter(account_id__in={pair[0] for pair in wanted}, user_id__in={pair[1] for pair in wanted})
    found = {(account, user): role for account, user, role in rows.values_list("account_id", "user_id", "role__role_name")}
    return {pair: role for pair, role in found.items() if pair in wanted}


def existing(account_ids: Iterable[UUID]) -> set[UUID]:
    """Those of the accounts that exist and are not deleted."""
    return set(Account.objects.alive().filter(pk__in=list(account_ids)).values_list("pk", flat=True))


_owners = Reading(
    lambda digests: (
        Token.objects.alive()
        .filter(digest__among=digests)
        .values_list("digest", "account_id", "account__ingest_rate", "account__full__since")
    )
)


def token_owners(digests: Iterable[bytes]) -> dict[bytes, TokenOwner]:
    """Token digest -> its account, for the tokens that are valid now. One query."""
    return {
        bytes(digest): TokenOwner(account_id, rate, full_since is not None)
        for digest, account_id, rate, full_since in _owners(digests)
    }


# Seconds after which who was refused for want of room may ask again: a backlog is not gone in a moment.
ROOM_WAIT_S = 30


def refuse_full(account_id: UUID) -> None:
    """Raises TooMany when more than MAX_WAITING_PER_ACCOUNT of its deliveries wait, as far as they are counted: that trails by
    a second or two, and by more where no worker runs."""
    if Full.objects.filter(pk=account_id).exists():
        raise TooMany(ROOM_WAIT_S)


def current_digest(account_id: UUID) -> bytes:
    """Of the account's current token. Raises Missing when it has none, since it was purged."""
    found = Token.objects.filter(account=account_id, expires_at=None).values_list("digest", flat=True).first()
    if found is None:
        raise Missing("No such account.")
    return bytes(found)


def all_of(user: User) -> dict[str, Any]:
    """What is kept of a person, without secrets. Five queries."""
    own = Member.objects.filter(user=user, account__deleted_at=None).order_by("id")
    member = ("id", "account_id", "account__account_name", "role__role_name", "state", "created_at", "updated_at")
    sign_in = ("id", "user_agent", "created_at", "expires_at", "ended_at")
    browsers = [{name: getattr(each, name) for name in ("ip", "user_agent", "created_at")} for each in browsers_of(user)]
    stamps = ("id", "email", "is_active", "last_login", "created_at", "updated_at", "created_by_id", "updated_by_id")
    return {
        "user": {name.removesuffix("_id"): getattr(user, name) for name in stamps},
        "memberships": [{name.rpartition("__")[2]: value for name, value in row.items()} for row in own.values(*member)],
        "sign_ins": list(SignIn.objects.filter(user=user).order_by("id").values(*sign_in)),
        "browsers": browsers,
        "second_factors": list(Authenticator.objects.filter(user=user).values("type", "created_at", "last_used_at")),
    }
