"""Every write to accounts, tokens and members."""

import hashlib
import secrets

from django.conf import settings
from django.db import transaction
from django.db.models.functions import Now

from apps.accounts.models import Account, Member, Role, Token
from apps.accounts.selectors import may_create_accounts
from apps.common.errors import LimitReached, NotAllowed
from apps.users.models import User


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
    account = Account(account_name=account_name.strip(), website=website.strip(), created_by=by, updated_by=by)
    account.full_clean()
    account.save(force_insert=True)
    member = Member(account=account, user=by, role=Role.objects.get(role_name=Role.ADMIN), created_by=by, updated_by=by)
    member.save(force_insert=True)
    return account, _new_token(account)


def _new_token(account: Account) -> str:
    # The prefix lets secret scanners find a token that leaked into a repository.
    token = f"dp_{secrets.token_urlsafe(32)}"
    Token.objects.create(account=account, digest=digest_of(token), secret=token)
    return token


def delete_account(*, account: Account, by: User) -> None:
    """Hides the account and stops its token, at once. What waits is cancelled by the claim that meets it."""
    Account.objects.alive().filter(pk=account.pk).update(deleted_at=Now(), updated_at=Now(), updated_by=by)
