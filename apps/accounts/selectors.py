"""Every read of accounts. A person sees the accounts of which they are an active member; others do not exist."""

from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID

from django.db.models import QuerySet

from apps.accounts.models import Account, Member, Role, Token
from apps.common.errors import Missing
from apps.users.models import User


@dataclass(frozen=True, slots=True)
class TokenOwner:
    account_id: UUID
    ingest_rate: int | None  # posts per second; None: the setting's


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


def members_of(user: User) -> dict[UUID, Member]:
    """account id -> the user's place in it, with the role loaded. One query."""
    rows = Member.objects.active().filter(user=user).select_related("role", "user")
    return {member.account_id: member for member in rows}


def roles(pairs: Iterable[tuple[UUID, UUID]]) -> dict[tuple[UUID, UUID], str]:
    """(account id, user id) -> role name, for the pairs that are active memberships. One query."""
    wanted = set(pairs)
    rows = Member.objects.active().filter(account_id__in={pair[0] for pair in wanted}, user_id__in={pair[1] for pair in wanted})
    found = {(account, user): role for account, user, role in rows.values_list("account_id", "user_id", "role__role_name")}
    return {pair: role for pair, role in found.items() if pair in wanted}


def existing(account_ids: Iterable[UUID]) -> set[UUID]:
    """Those of the accounts that exist and are not deleted."""
    return set(Account.objects.alive().filter(pk__in=list(account_ids)).values_list("pk", flat=True))


def token_owners(digests: Iterable[bytes]) -> dict[bytes, TokenOwner]:
    """Token digest -> its account, for the tokens that are valid now. One query."""
    rows = Token.objects.alive().filter(digest__in=list(digests)).values_list("digest", "account_id", "account__ingest_rate")
    return {bytes(digest): TokenOwner(account_id, rate) for digest, account_id, rate in rows}
