"""What follows a deletion, in transactions of at most 1,000 rows: what waits is cancelled; later everything goes for good."""

import logging
from collections.abc import Callable
from datetime import timedelta
from uuid import UUID

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import ProtectedError, Q, QuerySet
from django.db.models.functions import Now

from apps.accounts import services as accounts
from apps.accounts.models import Account, Member
from apps.common.batches import BATCH, delete_some
from apps.deliveries.claims import cancel
from apps.deliveries.jobs import Replay
from apps.deliveries.models import Closing, Delivery, Export, ExportPart
from apps.destinations import services as destinations
from apps.destinations.models import Destination
from apps.events import services as events
from apps.events.models import Event
from apps.logs import services as logs
from apps.logs.models import Log

logger = logging.getLogger(__name__)

# Marks looked at in one transaction; each costs two queries.
_CLOSINGS = 50
# Accounts tried until one can be worked on.
_ACCOUNTS = 100
# Parts of exports, of some 100 KiB each.
_PARTS = 20


def mark_closing(*, account_id: UUID, destination_id: UUID | None = None) -> None:
    """Has the open deliveries of what was deleted cancelled. Part of the caller's transaction."""
    Closing.objects.create(account_id=account_id, destination_id=destination_id)


@transaction.atomic
def cancel_deleted() -> int:
    """Cancels what waits for something deleted, 1,000 at a time. Returns how many.

    A mark stays while a try is in the air: it may come back to wait for its next one.
    """
    cancelled = 0
    for closing in Closing.objects.order_by("id").select_for_update(skip_locked=True, no_key=True)[:_CLOSINGS]:
        theirs = Delivery.objects.filter(account=closing.account_id)
        if closing.destination_id:
            theirs = theirs.filter(destination=closing.destination_id)
        # In the same statement as the lock: an account that was brought back meanwhile loses nothing.
        gone = theirs.filter(Q(account__deleted_at__isnull=False) | Q(destination__deleted_at__isnull=False))
        waiting = gone.filter(status=Delivery.Status.PENDING).select_for_update(skip_locked=True, no_key=True, of=("self",))
        ids = list(waiting.values_list("pk", flat=True)[: BATCH - cancelled])
        cancel(ids, "deleted")
        cancelled += len(ids)
        if cancelled >= BATCH:
            break
        # One question for each status: each has an index of its own.
        if not any(gone.filter(status=status).exists() for status in (Delivery.Status.PENDING, Delivery.Status.DELIVERING)):
            closing.delete()
    return cancelled


def purgeable() -> QuerySet[Account]:
    """The accounts that were deleted more than PURGE_AFTER_DAYS ago, the oldest first."""
    limit = Now() - timedelta(days=settings.PURGE_AFTER_DAYS)
    return Account.objects.filter(deleted_at__lt=limit).order_by("deleted_at", "id")


def purge() -> int:
    """Takes the next step of deleting for good: at most 1,000 rows of one table. Returns how many; 0: nothing is left to do.

    May be repeated after a crash anywhere, and run by several processes: an account is worked on by one at a time.
    """
    for account_id in list(purgeable().values_list("pk", flat=True)[:_ACCOUNTS]):
        try:
            with transaction.atomic():
                own = purgeable().select_for_update(skip_locked=True, no_key=True).filter(pk=account_id)
                if own.exists():
                    return _step(account_id)
        except (ProtectedError, IntegrityError) as error:
            # Somebody wrote a row of it a moment ago: the next time, it goes before what it refers to.
            logger.warning("account %s is purged later: %s", account_id, type(error).__name__)
    return 0


def _step(account_id: UUID) -> int:
    """From the tables that refer to others to those that are referred to. First of all the tokens: without one it cannot be
    brought back. Deliveries before logs: who records a log holds its delivery."""
    for step in _STEPS:
        if done := step(account_id):
            return done
    accounts.purge_account(account_id=account_id)
    return 1


def _deliveries(account_id: UUID) -> int:
    return delete_some(Delivery.objects.filter(account=account_id))


def _closings(account_id: UUID) -> int:
    return delete_some(Closing.objects.filter(account=account_id))


def _parts(account_id: UUID) -> int:
    return delete_some(ExportPart.objects.filter(export__account=account_id), _PARTS)


def _exports(account_id: UUID) -> int:
    return delete_some(Export.objects.filter(account=account_id))


def _replays(account_id: UUID) -> int:
    return delete_some(Replay.objects.filter(account=account_id))


# Each: an account's id -> the number of rows deleted, at most 1,000; 0: none are left.
_STEPS: tuple[Callable[[UUID], int], ...] = (
    accounts.purge_tokens,
    _closings,
    _parts,
    _exports,
    _deliveries,
    _replays,
    logs.purge_logs,
    logs.purge_tallies,
    logs.purge_flows,
    events.purge_events,
    destinations.purge_destinations,
    logs.purge_counter,
    accounts.purge_members,
)


def would_purge(account: Account) -> dict[str, int]:
    """table -> the account's rows in it."""
    tables = {
        "deliveries": Delivery.objects.filter(account=account),
        "logs": Log.objects.filter(account=account),
        "events": Event.objects.filter(account=account),
        "destinations": Destination.objects.filter(account=account),
        "members": Member.objects.filter(account=account),
    }
    return {name: rows.count() for name, rows in tables.items()}


def remove_exports() -> int:
    """Deletes exports whose time is over, some parts at a time. Returns how many rows."""
    over = Export.objects.filter(expires_at__lte=Now())
    return delete_some(ExportPart.objects.filter(export__in=over), _PARTS) or delete_some(
        over.exclude(pk__in=ExportPart.objects.values("export"))
    )
