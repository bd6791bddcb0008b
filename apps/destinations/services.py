"""Every write to destinations."""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import F
from django.db.models.functions import Now
from django.utils import timezone

from apps.accounts.models import Account, Member, Role
from apps.accounts.policies import Right, authorise
from apps.audit import services as audit
from apps.common.batches import delete_some
from apps.common.errors import LimitReached, Missing, Stale
from apps.common.rows import update
from apps.destinations.drafts import change, draft, new_secret
from apps.destinations.models import Destination, Failing, Gate, Notice
from apps.destinations.signals import destination_deleted, destination_resumed
from apps.users.models import SYSTEM_USER_ID

_HOUR = timedelta(hours=1)


@transaction.atomic
def create_destination(
    *, by: Member, url: str, http_method: str, headers: dict[str, str], name: str = "", **policy: Any
) -> Destination:
    """A new destination of the member's account, with a signing secret of its own.

    Raises:
        NotAllowed: the member is not an Admin.
        ValidationError: a field is wrong; it names the field.
        LimitReached: the account has MAX_DESTINATIONS_PER_ACCOUNT of them.
    """
    authorise(by.role.role_name, Right.MANAGE_DESTINATIONS)
    Account.objects.select_for_update(no_key=True).get(pk=by.account_id)  # two creations count one after the other
    if Destination.objects.alive().filter(account=by.account_id).count() >= settings.MAX_DESTINATIONS_PER_ACCOUNT:
        limit = settings.MAX_DESTINATIONS_PER_ACCOUNT
        raise LimitReached(f"The account has {limit} destinations, the most that MAX_DESTINATIONS_PER_ACCOUNT allows.")
    destination = draft(by, url=url, http_method=http_method, headers=headers, name=name, **policy)
    destination.save(force_insert=True)
    _police(destination, (None, None, False))
    _note(by, "destination.created", destination, after=_kept(destination))
    return destination


def _police(destination: Destination, before: tuple[float | None, int | None, bool]) -> None:
    """Has what goes to it let through by its gate from now on, or no longer."""
    if destination.policy == before:
        return
    if destination.is_limited:
        Gate.objects.bulk_create([Gate(destination=destination)], ignore_conflicts=True)
    Gate.objects.filter(pk=destination.pk).update(policed=destination.is_limited, wake_at=Now())


def _kept(destination: Destination) -> dict[str, Any]:
    """What the history keeps: no header value, no secret, and no query of the URL, where people put tokens."""
    shown = ("name", "http_method", "state", "timeout_s", "retry_schedule", "rate_limit", "concurrency", "ordered")
    return {name: getattr(destination, name) for name in shown} | {
        "url": destination.url.partition("?")[0],
        "headers": sorted(destination.headers),
    }


def _note(by: Member, action: str, destination: Destination, **changes: dict[str, Any]) -> None:
    audit.record(account_id=destination.account_id, user_id=by.user_id, action=action, object_id=destination.pk, **changes)


def _locked(destination_id: UUID, by: Member, expected: int | None) -> Destination:
    """Locked until the transaction ends. Raises Missing when it is deleted by now, Stale when at another version."""
    alive = Destination.objects.alive().filter(pk=destination_id, account=by.account_id)
    found = alive.select_for_update(no_key=True, of=("self",)).first()
    if found is None:
        raise Missing("No such destination.")
    if expected is not None and found.version != expected:
        raise Stale
    return found


@transaction.atomic
def update_destination(
    *, destination: Destination, by: Member, changes: Mapping[str, Any], expected: int | None = None
) -> Destination:
    """Sets fields. A header value that reads `********` keeps what is stored.

    A write that changes scheme, host or port of the URL must send every header value anew, whoever writes: a stored secret
    never goes to a host for which it was not given.

    Raises:
        NotAllowed, Missing, Stale.
        ValidationError: it names each wrong field.
    """
    authorise(by.role.role_name, Right.UPDATE_DESTINATIONS)
    locked = _locked(destination.pk, by, expected)
    before, policy = _kept(locked), locked.policy
    change(locked, changes)
    _store(locked, by)
    _police(locked, policy)
    _note(by, "destination.updated", locked, before=before, after=_kept(locked))
    return locked


def _store(destination: Destination, by: Member) -> None:
    """Somebody has looked after it: what failed before counts no more."""
    destination.version += 1
    destination.updated_by = by.user
    destination.save()
    Destination.objects.filter(pk=destination.pk).update(updated_at=Now())
    Failing.objects.filter(pk=destination.pk).delete()
    destination.refresh_from_db()


@transaction.atomic
def reveal_secret(*, destination: Destination, by: Member) -> str:
    """The signing secret. Who saw it stands in the history."""
    authorise(by.role.role_name, Right.SECRETS)
    locked = _locked(destination.pk, by, None)
    _note(by, "secret.revealed", locked)
    return locked.signing_secret


@transaction.atomic
def rotate_secret(*, destination: Destination, by: Member, grace_seconds: int = 86_400) -> str:
    """A new signing secret. The present one signs too for `grace_seconds` more (at most 7 days); an older one ends now."""
    authorise(by.role.role_name, Right.SECRETS)
    locked = _locked(destination.pk, by, None)
    locked.previous_secret = locked.signing_secret if grace_seconds else ""
    locked.previous_secret_until = timezone.now() + timedelta(seconds=grace_seconds) if grace_seconds else None
    locked.signing_secret = new_secret()
    _store(locked, by)
    _note(by, "secret.rotated", locked, after={"grace_seconds": grace_seconds})
    return locked.signing_secret


def pause(*, destination: Destination, by: Member) -> Destination:
    """Deliveries wait from now on; a try that is already claimed may still go out."""
    return _set_state(destination, by, Destination.State.PAUSED, Destination.State.ACTIVE)


@transaction.atomic
def resume(*, destination: Destination, by: Member) -> Destination:
    """What waited goes out again, after a person's pause or the system's disabling."""
    closed = (Destination.State.PAUSED, Destination.State.DISABLED)
    resumed = _set_state(destination, by, Destination.State.ACTIVE, *closed)
    destination_resumed.send(sender=Destination, destination_id=resumed.pk)
    return resumed


@transaction.atomic
def _set_state(destination: Destination, by: Member, new: str, *old: str) -> Destination:
    authorise(by.role.role_name, Right.MANAGE_DESTINATIONS)
    locked = _locked(destination.pk, by, None)
    before = _kept(locked)
    if locked.state in old:
        locked.state, locked.state_reason = new, ""
        _store(locked, by)
        _note(by, f"destination.{new}", locked, before=before, after=_kept(locked))
    return locked


@transaction.atomic
def delete_destination(*, destination: Destination, by: Member, expected: int | None = None) -> None:
    """Hides the destination at once; what waits for it is cancelled afterwards, by chores and claims; its logs stay."""
    authorise(by.role.role_name, Right.MANAGE_DESTINATIONS)
    locked = _locked(destination.pk, by, expected)
    Destination.objects.filter(pk=locked.pk).update(
        deleted_at=Now(), version=F("version") + 1, updated_at=Now(), updated_by=by.user
    )
    _note(by, "destination.deleted", locked, before=_kept(locked))
    destination_deleted.send(sender=Destination, account_id=locked.account_id, destination_id=locked.pk)


def disable(*, destination_ids: Iterable[UUID], reason: str) -> None:
    """The system stops sending to these, for a reason that the pages show; the Admins get a mail. Part of the caller's
    transaction."""
    active = Destination.objects.filter(pk__in=list(destination_ids), state=Destination.State.ACTIVE)
    accounts = dict(active.order_by("pk").select_for_update(no_key=True).values_list("pk", "account_id"))
    before = {"state": Destination.State.ACTIVE.value}
    after = {"state": Destination.State.DISABLED.value, "state_reason": reason}
    Destination.objects.filter(pk__in=accounts).update(**after, version=F("version") + 1, updated_at=Now())
    admins = Member.objects.active().filter(account__in=accounts.values(), role__role_name=Role.ADMIN)
    told = [Notice(destination_id=pk, member=each) for each in admins for pk in accounts if accounts[pk] == each.account_id]
    Notice.objects.bulk_create(told)
    for pk, account_id in accounts.items():
        changes: dict[str, Any] = {"before": before, "after": after}
        audit.record(account_id=account_id, user_id=SYSTEM_USER_ID, action="destination.disabled", object_id=pk, **changes)


def note_tries(tries: Iterable[tuple[UUID, bool, datetime]]) -> None:
    """Keeps since when tries do nothing but fail: (destination, whether it succeeded, when), in their order.

    Part of the caller's transaction, which no other of the same destinations overlaps.
    """
    fresh, well = dict[UUID, Failing](), set[UUID]()
    for pk, succeeded, at in tries:
        if succeeded:
            well.add(pk)
            fresh.pop(pk, None)
        else:
            failing = fresh.setdefault(pk, Failing(destination_id=pk, since=at, until=at))
            failing.until = max(failing.until, at)
    known = Failing.objects.in_bulk(well | fresh.keys())
    if over := known.keys() & well:
        Failing.objects.filter(pk__in=over).delete()
    begun = [failing for pk, failing in fresh.items() if pk in well or pk not in known]
    Failing.objects.bulk_create(begun, ignore_conflicts=True)
    # A write an hour says as much as one a second.
    longer = [pk for pk in fresh.keys() & known.keys() - well if fresh[pk].until >= known[pk].until + _HOUR]
    update(Failing, {"destination": longer, "until": [fresh[pk].until for pk in longer]})


def purge_destinations(account_id: UUID) -> int:
    """Part of deleting an account for good. Returns how many rows went, at most 1,000."""
    return delete_some(Destination.objects.filter(account=account_id))
