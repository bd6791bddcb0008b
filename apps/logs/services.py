"""The one write to logs."""

from collections import Counter
from collections.abc import Sequence
from uuid import UUID

from apps.logs.models import Log, LogCounter


def lock_counters(*, account_ids: set[UUID]) -> dict[UUID, LogCounter]:
    """The accounts' counters, made where they are missing, locked in the order of their ids until the transaction ends."""
    ordered = LogCounter.objects.filter(account__in=account_ids).order_by("account_id").select_for_update(no_key=True)
    counters = {counter.account_id: counter for counter in ordered}
    if missing := sorted(account_ids - counters.keys()):
        LogCounter.objects.bulk_create([LogCounter(account_id=pk) for pk in missing], ignore_conflicts=True)
        counters = {counter.account_id: counter for counter in ordered.all()}
    return counters


def append(*, logs: Sequence[Log], counters: dict[UUID, LogCounter]) -> None:
    """Gives the logs the next cursors of their accounts, in the given order, and stores them. The counters are locked."""
    for log in logs:
        counter = counters[log.account_id]
        counter.value += 1
        log.cursor = counter.value
    Log.objects.bulk_create(logs)
    changed = Counter(log.account_id for log in logs)
    LogCounter.objects.bulk_update([counters[account_id] for account_id in sorted(changed)], ["value"])


def recorded(*, log_ids: Sequence[UUID]) -> set[UUID]:
    """Which of these stand in the table: asked before a batch of unknown commit is repeated."""
    return set(Log.objects.filter(pk__in=log_ids).values_list("pk", flat=True))
