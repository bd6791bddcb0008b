"""Every read of the history."""

from uuid import UUID

from django.db.models import QuerySet

from apps.audit.models import Entry


def history_of(account_id: UUID) -> QuerySet[Entry]:
    """The account's entries."""
    return Entry.objects.filter(account_id=account_id)
