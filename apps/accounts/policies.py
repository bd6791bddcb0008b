"""Who may do what in an account: the one table. Who is not a member does not get this far: for them nothing exists."""

from enum import StrEnum

from apps.accounts.models import Role
from apps.common.errors import NotAllowed


class Right(StrEnum):
    READ_ACCOUNT = "read the account, its destinations, logs and live stream"
    UPDATE_ACCOUNT = "change the account's name and website"
    DELETE_ACCOUNT = "delete the account"
    SECRETS = "reveal and rotate tokens and signing secrets, read header values and the history"
    UPDATE_DESTINATIONS = "change destinations"
    MANAGE_DESTINATIONS = "create, delete, test, pause and resume destinations"
    MANAGE_MEMBERS = "add, change and remove members"
    SEND_AGAIN = "replay events and cancel deliveries"
    EXPORT = "export the account's data"


RIGHTS: dict[str, frozenset[Right]] = {
    Role.ADMIN: frozenset(Right),
    Role.NORMAL_USER: frozenset({Right.READ_ACCOUNT, Right.UPDATE_ACCOUNT, Right.UPDATE_DESTINATIONS}),
}


def authorise(role: str, right: Right) -> None:
    """Raises NotAllowed, with the right in words, when a member with this role has it not."""
    if not may(role, right):
        raise NotAllowed(f"A {role} may not {right}.")


def may(role: str, right: Right) -> bool:
    """Whether a member with this role has the right. An unknown role has none."""
    return right in RIGHTS.get(role, frozenset())


def rights_of(role: str) -> dict[str, bool]:
    """For the pages: the name of each right in small letters -> whether the role has it."""
    return {right.name.lower(): may(role, right) for right in Right}
