"""What a person does with a bulk replay: counts what it would send, begins, pauses, resumes and cancels it."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import F
from django.db.models.functions import Now

from apps.accounts.models import Account, Member
from apps.accounts.policies import Right, authorise
from apps.accounts.selectors import refuse_full
from apps.audit import services as audit
from apps.common.errors import Conflict, Missing
from apps.common.rate import spend
from apps.deliveries.jobs import Replay
from apps.deliveries.matching import count
from apps.deliveries.selectors import database_now
from apps.destinations.models import Destination

# Counts in a minute for an account: each reads up to 100,000 rows of an index.
_COUNTS = 30


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which deliveries to send again. What is not given does not matter. `rate`: a second; None: REPLAY_RATE."""

    destination_id: UUID | None = None
    status: str = ""
    reason: str = ""
    created_at_after: datetime | None = None
    created_at_before: datetime | None = None
    rate: int | None = None


def plan(*, by: Member, wanted: Wanted) -> Replay:
    """The job as it would begin, with its count, and not stored.

    Raises:
        NotAllowed: the member's role has no right to it.
        ValidationError: it names the field.
        TooMany: 30 a minute for an account.
    """
    authorise(by.role.role_name, Right.SEND_AGAIN)
    _check(by, wanted)
    spend(f"replay:{by.account_id}", _COUNTS, 60)
    now = database_now()
    job = Replay(
        account_id=by.account_id,
        destination_id=wanted.destination_id,
        status=wanted.status,
        reason=wanted.reason,
        created_after=wanted.created_at_after,
        created_before=min(wanted.created_at_before or now, now),
        rate=settings.REPLAY_RATE if wanted.rate is None else wanted.rate,
    )
    job.total, job.total_exact = count(job)
    return job


def _check(by: Member, wanted: Wanted) -> None:
    wrong: dict[str, str] = {}
    own = Destination.objects.alive().filter(account=by.account_id)
    if wanted.destination_id is not None and not own.filter(pk=wanted.destination_id).exists():
        wrong["destination_id"] = "The account has no such destination."
    if wanted.rate is not None and not 1 <= wanted.rate <= settings.REPLAY_RATE:
        wrong["rate"] = f"From 1 to {settings.REPLAY_RATE} a second, which REPLAY_RATE allows."
    if wanted == Wanted(rate=wanted.rate):
        wrong["filter"] = "Give at least one of status, reason, destination_id, created_at_after and created_at_before."
    if wrong:
        raise ValidationError(wrong)


def start(*, by: Member, wanted: Wanted) -> Replay:
    """Begins a job. What is made from now on is not in its range.

    Raises as `plan`, and:
        Conflict: one is running in the account.
        TooMany: too many of its deliveries wait.
    """
    job = plan(by=by, wanted=wanted)
    refuse_full(by.account_id)
    with transaction.atomic():
        _alone(by)
        job.save(force_insert=True)
        names = ("status", "reason", "destination_id", "created_after", "created_before", "rate")
        given = {name: value for name in names if (value := getattr(job, name))}
        _note(by, "replay.started", job, after={name: str(value) for name, value in given.items()})
    job.refresh_from_db()
    return job


def _alone(by: Member) -> None:
    """Two that begin or go on in an account come one after the other. Raises Conflict when one is running."""
    Account.objects.select_for_update(no_key=True).get(pk=by.account_id)
    if Replay.objects.filter(account=by.account_id, state=Replay.State.RUNNING).exists():
        raise Conflict("A replay is running in the account.")


def _note(by: Member, action: str, job: Replay, **changes: dict[str, str]) -> None:
    audit.record(account_id=by.account_id, user_id=by.user_id, action=action, object_id=job.pk, **changes)


@transaction.atomic
def pause(*, job: Replay, by: Member) -> None:
    """It makes nothing more until it is resumed. Raises Conflict when it has ended."""
    locked = _locked(job, by)
    if locked.state == Replay.State.RUNNING:
        _move(locked, by, Replay.State.PAUSED)


@transaction.atomic
def resume(*, job: Replay, by: Member) -> None:
    """It goes on where it stood. Raises Conflict when it has ended, or another is running."""
    locked = _locked(job, by)
    if locked.state == Replay.State.PAUSED:
        _alone(by)
        _move(locked, by, Replay.State.RUNNING, next_at=Now())


@transaction.atomic
def cancel(*, job: Replay, by: Member) -> None:
    """It makes nothing more, and what it has made and still waits is cancelled by a chore. What is in the air may arrive.

    Raises Conflict when it has ended.
    """
    _move(_locked(job, by), by, Replay.State.CANCELLED, clearing=True, finished_at=Now())


def _locked(job: Replay, by: Member) -> Replay:
    authorise(by.role.role_name, Right.SEND_AGAIN)
    own = Replay.objects.filter(pk=job.pk, account=by.account_id, account__deleted_at=None)
    locked = own.select_for_update(no_key=True, of=("self",)).first()
    if locked is None:
        raise Missing("No such replay.")
    if locked.finished_at is not None:
        raise Conflict(f"It is {locked.state} already.")
    return locked


def _move(job: Replay, by: Member, new: Replay.State, **fields: object) -> None:
    store(job, state=new, **fields)
    verb = "resumed" if new == Replay.State.RUNNING else new.value
    _note(by, f"replay.{verb}", job, before={"state": job.state}, after={"state": new.value})


def store(job: Replay, **fields: object) -> None:
    """Writes to a job that the caller holds."""
    Replay.objects.filter(pk=job.pk).update(**fields, version=F("version") + 1, updated_at=Now())
