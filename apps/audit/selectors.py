"""Every read of the history."""

from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

from django.db.models import Max, QuerySet

from apps.audit.models import Entry


def history_of(account_id: UUID) -> QuerySet[Entry]:
    """The account's entries."""
    return Entry.objects.filter(account_id=account_id)


def actions_in(account_id: UUID) -> list[str]:
    """The actions that the account's history has, in the order of the alphabet."""
    return list(history_of(account_id).order_by("action").values_list("action", flat=True).distinct())


def last_done(account_id: UUID, action: str, object_ids: Iterable[UUID]) -> dict[UUID, datetime]:
    """object id -> when this was last done to it; without those to which it never was. One query."""
    rows = history_of(account_id).filter(action=action, object_id__in=list(object_ids))
    return dict(rows.values_list("object_id").annotate(Max("at")).order_by())
