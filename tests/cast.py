"""The standing cast: Alice is Admin, Bob is in the team as Normal user, Charlie must see nothing."""

from dataclasses import dataclass
from typing import Any

from apps.accounts.models import Account, Member, Role
from apps.accounts.services import create_account
from apps.destinations.models import Destination
from apps.destinations.services import create_destination
from apps.users.models import User

PASSWORD = "correct horse battery"


@dataclass(frozen=True)
class Cast:
    alice: User
    bob: User
    charlie: User
    account: Account
    token: str
    other: Account
    """Charlie's own account."""
    other_token: str

    @property
    def admin(self) -> Member:
        return Member.objects.get(account=self.account, user=self.alice)

    @property
    def normal_user(self) -> Member:
        return Member.objects.get(account=self.account, user=self.bob)

    def destination(self, url: str, **fields: Any) -> Destination:
        """A destination of Alice's account."""
        return make_destination(self.admin, url, **fields)


def make_destination(by: Member, url: str, **fields: Any) -> Destination:
    asked: dict[str, Any] = {"http_method": "POST", "headers": {"X-Key": "a-secret-value"}} | fields
    return create_destination(by=by, url=url, **asked)


def assemble() -> Cast:
    alice, bob, charlie = (User.objects.create_user(f"{name}@example.com", PASSWORD) for name in ("alice", "bob", "charlie"))
    account, token = create_account(by=alice, account_name="Northwind")
    normal_user = Role.objects.get(role_name=Role.NORMAL_USER)
    Member.objects.create(account=account, user=bob, role=normal_user, created_by=alice, updated_by=alice)
    other, other_token = create_account(by=charlie, account_name="Contoso")
    return Cast(alice, bob, charlie, account, token, other, other_token)
