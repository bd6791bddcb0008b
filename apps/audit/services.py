"""The one write to the history."""

from typing import Any
from uuid import UUID

from apps.audit.models import Entry
from apps.common import context


def record(
    *,
    account_id: UUID,
    user_id: UUID,
    action: str,
    object_id: UUID,
    before: dict[str, Any] | None = None,
    after: dict[str, Any] | None = None,
) -> None:
    """Part of the caller's transaction. The caller gives no secrets; what differs between before and after is kept."""
    old, new = before or {}, after or {}
    changed = {name for name in old.keys() | new.keys() if old.get(name) != new.get(name)}
    Entry.objects.create(
        account_id=account_id,
        user_id=user_id,
        action=action,
        object_id=object_id,
        before={name: old[name] for name in sorted(changed & old.keys())},
        after={name: new[name] for name in sorted(changed & new.keys())},
        request_id=context.request_id.get(),
    )
