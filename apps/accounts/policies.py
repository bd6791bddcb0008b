"""Who may do what in an account: the one table. Who is not a member does not get this far: for them nothing exists."""

from enum import StrEnum

from apps.accounts.models import Role


class Right(StrEnum):
    READ_ACCOUNT = "read the account, its destinations, logs and live stream"
    MANAGE_DESTINATIONS = "create, delete, pause and resume destinations"
    DELETE_ACCOUNT = "delete the account"


RIGHTS: dict[str, frozenset[Right]] = {
    Role.ADMIN: frozenset(Right),
    Role.NORMAL_USER: frozenset({Right.READ_ACCOUNT}),
}


def may(role: str, right: Right) -> bool:
    """Whether a member with this role has the right. An unknown role has none."""
    return right in RIGHTS.get(role, frozenset())
