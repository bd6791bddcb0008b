"""Every write to accounts, tokens and members."""

import hashlib
import logging
import secrets
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import F
from django.db.models.functions import Now

from apps.accounts.drafts import change
from apps.accounts.models import Account, Full, Member, Role, Token
from apps.accounts.policies import Right, authorise
from apps.accounts.selectors import may_create_accounts
from apps.accounts.signals import account_deleted
from apps.audit import services as audit
from apps.common.batches import delete_some
from apps.common.errors import Conflict, LimitReached, Missing, NotAllowed, Stale
from apps.users.models import SYSTEM_USER_ID, User

logger = logging.getLogger(__name__)

# What a bigger number cannot mean: it is more than all processes together take.
INGEST_RATE_MAX = 1_000_000
# Seconds that a replaced token may go on working: 7 days.
GRACE_MAX_S = 604_800


def digest_of(token: str) -> bytes:
    """The SHA-256 by which a token is found."""
    return hashlib.sha256(token.encode("utf-8", "surrogateescape")).digest()


@transaction.atomic
def create_account(*, by: User, account_name: str, website: str = "") -> tuple[Account, str]:
    """A new account, of which `by` is Admin, and its app secret token.

    Raises:
        NotAllowed: `by` came only by invitation and is Admin of no account.
        ValidationError: a field is wrong; nothing was made.
        LimitReached: `by` has made MAX_ACCOUNTS_PER_USER accounts that exist.
    """
    if not may_create_accounts(by):
        raise NotAllowed("Who came by invitation creates accounts once they are Admin of one.")
    # The lock makes two creations of one person count one after the other.
    User.objects.select_for_update(no_key=True).get(pk=by.pk)
    if Account.objects.alive().filter(created_by=by).count() >= settings.MAX_ACCOUNTS_PER_USER:
        raise LimitReached(f"You have {settings.MAX_ACCOUNTS_PER_USER} accounts, the most that MAX_ACCOUNTS_PER_USER allows.")
    account = Account(created_by=by, updated_by=by)
    change(account, {"account_name": account_name, "website": website})
    account.save(force_insert=True)
    member = Member(account=account, user=by, role=Role.objects.get(role_name=Role.ADMIN), created_by=by, updated_by=by)
    member.save(force_insert=True)
    token = _new_token(account)
    _note(member, "account.created", account.pk, after=_shown(account))
    return account, token


def _new_token(account: Account) -> str:
    # The prefix lets secret scanners find a token that leaked into a repository.
    token = f"dp_{secrets.token_urlsafe(32)}"
    Token.objects.create(account=account, digest=digest_of(token), secret=token)
    return token


def _shown(account: Account) -> dict[str, Any]:
    """What the history keeps of an account."""
    return {"account_name": account.account_name, "website": account.website}


def _locked(by: Member, expected: int | None = None) -> Account:
    """The member's account, locked until the transaction ends.

    Raises Missing when it is deleted by now, Stale when it is not at the expected version.
    """
    account = Account.objects.alive().select_for_update(no_key=True).filter(pk=by.account_id).first()
    if account is None:
        raise Missing("No such account.")
    if expected is not None and account.version != expected:
        raise Stale
    return account


def _note(by: Member, action: str, object_id: UUID, **changes: dict[str, Any]) -> None:
    audit.record(account_id=by.account_id, user_id=by.user_id, action=action, object_id=object_id, **changes)


@transaction.atomic
def update_account(*, by: Member, changes: Mapping[str, str], expected: int | None = None) -> Account:
    """Sets name and website.

    Raises:
        NotAllowed, Missing, Stale.
        ValidationError: a field is wrong.
    """
    authorise(by.role.role_name, Right.UPDATE_ACCOUNT)
    account = _locked(by, expected)
    before = _shown(account)
    change(account, changes)
    account.version += 1
    Account.objects.filter(pk=account.pk).update(
        **_shown(account), version=account.version, updated_by=by.user, updated_at=Now()
    )
    _note(by, "account.updated", account.pk, before=before, after=_shown(account))
    account.refresh_from_db()
    return account


@transaction.atomic
def set_ingest_rate(*, account: Account, rate: int | None, by: User) -> None:
    """An operator sets the account's own posts per second; None: the setting's. Every process follows within 5 s.

    Raises Missing when the account has been purged.
    """
    found = Account.objects.select_for_update(no_key=True).filter(pk=account.pk).first()
    if found is None:
        raise Missing("No such account.")
    if found.ingest_rate == rate:
        return
    changed = {"ingest_rate": rate, "version": F("version") + 1, "updated_by": by, "updated_at": Now()}
    Account.objects.filter(pk=found.pk).update(**changed)
    changes = {"before": {"ingest_rate": found.ingest_rate}, "after": {"ingest_rate": rate}}
    audit.record(account_id=found.pk, user_id=by.pk, action="account.rate_set", object_id=found.pk, **changes)


def mark_full(*, account_ids: Sequence[UUID]) -> None:
    """These take no posts and no replays until `clear_full`. Part of the caller's transaction."""
    there = set(Full.objects.filter(pk__in=account_ids).values_list("pk", flat=True))
    new = [pk for pk in account_ids if pk not in there]
    Full.objects.bulk_create([Full(account_id=pk) for pk in new], ignore_conflicts=True)
    for pk in new:
        logger.warning("account %s takes nothing: more than MAX_WAITING_PER_ACCOUNT deliveries wait", pk)


def clear_full(*, account_ids: Sequence[UUID]) -> None:
    """These take posts and replays again."""
    Full.objects.filter(pk__in=account_ids).delete()


@transaction.atomic
def delete_account(*, by: Member, expected: int | None = None) -> None:
    """Hides the account and stops its token, at once. What waits is cancelled afterwards, by chores and claims."""
    authorise(by.role.role_name, Right.DELETE_ACCOUNT)
    account = _locked(by, expected)
    Account.objects.filter(pk=account.pk).update(
        deleted_at=Now(), version=F("version") + 1, updated_at=Now(), updated_by=by.user
    )
    _note(by, "account.deleted", account.pk, before=_shown(account))
    account_deleted.send(sender=Account, account_id=account.pk)


@transaction.atomic
def restore_account(*, account_id: UUID) -> Account:
    """Brings back a deleted account, as the system user, with everything that was not deleted before it.

    What was cancelled stays cancelled.

    Raises:
        Missing: there is no such deleted account.
        Conflict: deleting it for good has begun, or is due.
    """
    account = Account.objects.exclude(deleted_at=None).select_for_update(no_key=True).filter(pk=account_id).first()
    if account is None:
        raise Missing("No deleted account has this id.")
    due = Account.objects.filter(pk=account_id, deleted_at__lt=Now() - timedelta(days=settings.PURGE_AFTER_DAYS)).exists()
    if due or not Token.objects.filter(account=account_id).exists():
        raise Conflict("It was deleted more than PURGE_AFTER_DAYS ago: it is being deleted for good.")
    Account.objects.filter(pk=account_id).update(
        deleted_at=None, version=F("version") + 1, updated_at=Now(), updated_by=SYSTEM_USER_ID
    )
    _note_system("account.restored", account_id)
    return account


def _note_system(action: str, account_id: UUID) -> None:
    audit.record(account_id=account_id, user_id=SYSTEM_USER_ID, action=action, object_id=account_id)


def purge_tokens(account_id: UUID) -> int:
    """Part of deleting an account for good. Returns how many rows went, at most 1,000."""
    return delete_some(Token.objects.filter(account=account_id))


def purge_members(account_id: UUID) -> int:
    """Part of deleting an account for good. Returns how many rows went, at most 1,000."""
    return delete_some(Member.objects.filter(account=account_id))


@transaction.atomic
def purge_account(*, account_id: UUID) -> None:
    """The end of deleting an account for good, when nothing of it is left. Its history stays."""
    Account.objects.filter(pk=account_id).delete()
    _note_system("account.purged", account_id)


@transaction.atomic
def reveal_token(*, by: Member) -> str:
    """The current app secret token. Who saw it stands in the history."""
    authorise(by.role.role_name, Right.SECRETS)
    _locked(by)
    token = Token.objects.get(account=by.account_id, expires_at=None)
    _note(by, "token.revealed", token.pk)
    return token.secret


@transaction.atomic
def rotate_token(*, by: Member, grace_seconds: int = 0) -> str:
    """A new token. The present one works for `grace_seconds` more (at most 7 days); any older one ends now."""
    authorise(by.role.role_name, Right.SECRETS)
    account = _locked(by)
    if not 0 <= grace_seconds <= GRACE_MAX_S:
        raise ValidationError({"grace_seconds": [f"A whole number from 0 to {GRACE_MAX_S}."]})
    own = Token.objects.filter(account=account)
    own.exclude(expires_at=None).delete()
    own.update(expires_at=Now() + timedelta(seconds=grace_seconds))
    token = _new_token(account)
    _note(by, "token.rotated", account.pk, after={"grace_seconds": grace_seconds})
    return token
