"""The work of bulk replays, a step of a chore at a time.

A step is one transaction: it makes at most a second's worth of deliveries and stores where it goes on, so that a crash anywhere
leaves nothing out and makes nothing twice. Any number of workers share the jobs; a job is held by one at a time.
"""

import logging
from collections.abc import Sequence
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Q
from django.db.models.functions import Now

from apps.common.batches import BATCH
from apps.common.lanes import TRANSIENT
from apps.deliveries import claims, ledger
from apps.deliveries.gates import wake
from apps.deliveries.jobs import Replay
from apps.deliveries.matching import Met, fits, next_of
from apps.deliveries.models import Delivery
from apps.deliveries.replays import store
from apps.deliveries.selectors import database_now
from apps.destinations.models import Destination

logger = logging.getLogger(__name__)

# Rows that a step looks at: some 10 ms.
_LOOK = 1000
# A job that is behind its rate catches up with so much of it; workers that were away do not come back with a flood.
_BEHIND = timedelta(seconds=5)
# No step is due later than this: what is has been stored before the database's clock was set back.
_AHEAD = timedelta(minutes=2)
# After a step that failed by a fault of ours, the job waits so long; the others go on.
_PAUSE = timedelta(minutes=1)
# Cancelled jobs looked at in one transaction; each costs two queries.
_CANCELLED = 50


@transaction.atomic
def replay_some() -> int:
    """Takes the next step of the job that is due longest. Returns 1, or 0 when none is due."""
    now = database_now()
    due = Q(next_at__lte=now) | Q(next_at__gt=now + _AHEAD)
    # That of an account which takes nothing just now waits: it would only add to what waits.
    alive = Replay.objects.filter(due, state=Replay.State.RUNNING, account__deleted_at=None, account__full=None)
    running = alive.order_by("next_at", "id")
    job = running.select_for_update(skip_locked=True, no_key=True, of=("self",)).first()
    if job is None:
        return 0
    try:
        with transaction.atomic():
            _step(job, now)
    except TRANSIENT:
        raise
    except Exception:
        logger.exception("replay %s waits a minute after an error", job.pk)
        store(job, next_at=now + _PAUSE)
    return 1


def _step(job: Replay, now: datetime) -> None:
    most = min(job.rate, BATCH)
    rows, limit = next_of(job, most), most
    if len(rows) == most and not all(fits(job, met) for met in rows):
        rows, limit = next_of(job, _LOOK), _LOOK
    matching = [number for number, met in enumerate(rows, 1) if fits(job, met)][:most]
    chosen = [rows[number - 1] for number in matching]
    looked_at = matching[-1] if len(matching) == most else len(rows)
    wanted, busy = _judge(job, chosen)
    made = len(_make(job, wanted))
    busy += len(wanted) - made  # somebody else's replay came in between
    changes: dict[str, object] = {
        "handled": job.handled + len(chosen),
        "made": job.made + made,
        "busy": job.busy + busy,
        "needless": job.needless + len(chosen) - made - busy,
        # Without new deliveries nothing is paid for, and the others have their turn first.
        "next_at": max(min(job.next_at, now), now - _BEHIND) + timedelta(seconds=made / job.rate) if made else now,
    }
    if looked_at:
        changes |= {"position_at": rows[looked_at - 1].created_at, "position_id": rows[looked_at - 1].id}
    if looked_at == len(rows) < limit:
        changes |= {"state": Replay.State.DONE, "finished_at": Now()}
    store(job, **changes)


def _judge(job: Replay, chosen: Sequence[Met]) -> tuple[list[Delivery], int]:
    """Those to send again, one for each pair, and how many are on their way already. Four queries."""
    firsts = Delivery.objects.in_bulk([met.first for met in chosen])
    events, destinations = {met.event_id for met in chosen}, {met.destination_id for met in chosen}
    pairs = Delivery.objects.filter(event__in=events, destination__in=destinations).values_list("event_id", "destination_id")
    seen = set(pairs.filter(job=job))
    replayed = set(pairs.filter(replay_of__isnull=False, status__in=[Delivery.Status.PENDING, Delivery.Status.DELIVERING]))
    alive = set(Destination.objects.filter(pk__in=destinations, deleted_at=None).values_list("pk", flat=True))
    wanted, busy = list[Delivery](), 0
    for met in chosen:
        first = firsts.get(met.first)
        if first is None or met.pair in seen or met.destination_id not in alive or _came(first, met):
            continue
        seen.add(met.pair)
        if met.pair in replayed or _on_its_way(first):
            busy += 1
        else:
            wanted.append(first)
    return wanted, busy


def _came(first: Delivery, met: Met) -> bool:
    """Whether a replay has brought since what is asked for because it did not arrive."""
    return first.superseded and met.status != Delivery.Status.SUCCESS


def _on_its_way(first: Delivery) -> bool:
    """In the air, or not tried yet: then it goes out by itself, and a replay would only be a second one."""
    untried = first.status == Delivery.Status.PENDING and first.attempts == 0
    return untried or first.status == Delivery.Status.DELIVERING


def _make(job: Replay, firsts: Sequence[Delivery]) -> list[Delivery]:
    """New deliveries, in the one order of locks; none where a replay of the pair is open by now. No bell is rung: they are
    found by the worker's next poll, and nobody waits for them."""
    made = [
        Delivery(
            account_id=job.account_id, event_id=first.event_id, destination_id=first.destination_id, replay_of=first.pk, job=job
        )
        for first in sorted(firsts, key=lambda first: first.pk)
    ]
    if not made:
        return []
    Delivery.objects.bulk_create(made, ignore_conflicts=True)
    there = list(Delivery.objects.filter(pk__in=[each.pk for each in made]))
    ledger.replayed(there)
    return there


@transaction.atomic
def clear_cancelled() -> int:
    """Cancels what waits of cancelled jobs, 1,000 at a time. Returns how many.

    A job is looked after while a try of it is in the air: it may come back to wait for its next one.
    """
    cancelled = 0
    for job in (
        Replay.objects.filter(clearing=True).order_by("id").select_for_update(skip_locked=True, no_key=True)[:_CANCELLED]
    ):
        own = Delivery.objects.filter(job=job)
        waiting = own.filter(status=Delivery.Status.PENDING).order_by("pk").select_for_update(skip_locked=True, no_key=True)
        rows = dict(waiting.values_list("pk", "destination_id")[: BATCH - cancelled])
        cancelled += claims.cancel(list(rows), "by_person")
        wake(rows.values())
        if cancelled >= BATCH:
            break
        if not own.open().exists():
            store(job, clearing=False)
    return cancelled
