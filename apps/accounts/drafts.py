"""An account and a member as a write would leave them, judged by every rule of their fields. Nothing is stored here, so that a
form can ask while somebody types."""

from collections.abc import Mapping

from apps.accounts.models import Account, Member
from apps.common.errors import Conflict
from apps.users.models import User

TWICE = "This person is a member of the account already."


def change(account: Account, changes: Mapping[str, str]) -> None:
    """Sets fields. Raises one ValidationError that names each wrong field."""
    for name, value in changes.items():
        setattr(account, name, value.strip())
    account.full_clean()


def newcomer(by: Member, email: str) -> User:
    """Whom the member would invite.

    Raises:
        ValidationError: on `email`.
        Conflict: a member already.
    """
    user = User(email=email.strip().lower())
    user.clean_fields(exclude=["password", "created_by", "updated_by"])
    if Member.objects.filter(account=by.account_id, user__email=user.email).exists():
        raise Conflict(TWICE)
    return user
