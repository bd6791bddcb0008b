"""Every read of the history."""

from uuid import UUID

from django.db.models import QuerySet

from apps.audit.models import Entry


def history_of(account_id: UUID) -> QuerySet[Entry]:
    """The account's entries."""
    return Entry.objects.filter(account_id=account_id)


def actions_in(account_id: UUID) -> list[str]:
    """The actions that the account's history has, in the order of the alphabet."""
    return list(history_of(account_id).order_by("action").values_list("action", flat=True).distinct())
