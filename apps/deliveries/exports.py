"""An account's data as JSON lines: a stored job, written in small steps by a chore, kept for a day.

Each step is one transaction that stores a part and where the next one goes on, so that a crash anywhere loses no line and
doubles none. What is stored while the export runs may be in it or not.
"""

import gzip
import logging
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

import orjson
from django.db import transaction
from django.db.models import QuerySet
from django.db.models.functions import Now

from apps.accounts.models import Account, Member
from apps.accounts.policies import Right, authorise
from apps.audit import services as audit
from apps.common.errors import Conflict
from apps.common.fields import MASK
from apps.common.lanes import TRANSIENT
from apps.common.rate import spend
from apps.deliveries.models import Delivery, Export, ExportPart
from apps.destinations.models import Destination
from apps.events.models import Event
from apps.logs.models import Log
from apps.logs.selectors import as_entry

logger = logging.getLogger(__name__)

_KEPT = timedelta(hours=24)
# Rows and bytes of events in a step: some 50 ms, in which SQLite's one writer does nothing else.
_ROWS = 500
_EVENT_BYTES = 1024 * 1024
# Bytes of lines: it stands in the database, beside everybody's work.
_BYTES_MAX = 4 * 1024**3
_A_DAY = 10


@dataclass(frozen=True, slots=True)
class _Section:
    """One kind of row: those of an account, in the order of a unique field, and how one is written."""

    kind: str
    rows: Callable[[UUID], QuerySet[Any]]
    key: str
    show: Callable[[Any], dict[str, Any]]


@transaction.atomic
def start_export(*, by: Member) -> Export:
    """A job that writes the account's data.

    Raises:
        NotAllowed: the member's role has no right to it.
        Conflict: one is being written.
        TooMany: 10 a day for an account.
    """
    authorise(by.role.role_name, Right.EXPORT)
    Account.objects.select_for_update(no_key=True).get(pk=by.account_id)  # two come one after the other
    if Export.objects.filter(account=by.account_id, state=Export.State.RUNNING).exists():
        raise Conflict("An export of the account is being written.")
    spend(f"export:{by.account_id}", _A_DAY, 86_400)
    made = Export.objects.create(account_id=by.account_id)
    audit.record(account_id=by.account_id, user_id=by.user_id, action="account.exported", object_id=made.pk)
    made.refresh_from_db()
    return made


def write_exports() -> int:
    """Takes the next step of the export that has waited longest. Returns 1, or 0 when none is open."""
    with transaction.atomic():
        running = Export.objects.filter(state=Export.State.RUNNING, account__deleted_at=None).order_by("updated_at", "id")
        export = running.select_for_update(skip_locked=True, no_key=True, of=("self",)).first()
        if export is None:
            return 0
        try:
            with transaction.atomic():
                _step(export)
        except TRANSIENT:
            raise
        except Exception:
            logger.exception("export %s failed", export.pk)
            _end(Export.objects.filter(pk=export.pk), Export.State.FAILED, "internal")
    return 1


def _step(export: Export) -> None:
    """Writes one part, or goes on to the next kind of row, or ends."""
    own = Export.objects.filter(pk=export.pk)
    if export.section == len(_SECTIONS):
        _end(own, Export.State.DONE)
        return
    section = _SECTIONS[export.section]
    rows = _next_rows(section, export)
    if not rows:
        own.update(section=export.section + 1, position="", updated_at=Now())
        return
    lines = [orjson.dumps({"type": section.kind, **section.show(row)}) + b"\n" for row in rows]
    content = b"".join(lines)
    ExportPart.objects.create(export=export, number=export.parts + 1, content=gzip.compress(content, 5, mtime=0))
    own.update(
        parts=export.parts + 1,
        lines=export.lines + len(lines),
        bytes=export.bytes + len(content),
        position=str(getattr(rows[-1], section.key)),
        updated_at=Now(),
    )
    if export.bytes + len(content) > _BYTES_MAX:
        _end(own, Export.State.FAILED, "too_large")


def _end(own: QuerySet[Export], state: str, reason: str = "") -> None:
    own.update(state=state, reason=reason, expires_at=Now() + _KEPT, updated_at=Now())


def _next_rows(section: _Section, export: Export) -> Sequence[Any]:
    rows = section.rows(export.account_id).order_by(section.key)
    if export.position:
        rows = rows.filter(**{f"{section.key}__gt": export.position})
    if section.kind != "event":
        return list(rows[:_ROWS])
    ids, total = list[UUID](), 0
    for pk, size in rows.values_list("pk", "size")[:_ROWS]:
        total += size
        if ids and total > _EVENT_BYTES:
            break
        ids.append(pk)
    return list(rows.filter(pk__in=ids))


def _fields(row: Any, names: Iterable[str]) -> dict[str, Any]:
    return {name: getattr(row, name) for name in names}


def _account(row: Account) -> dict[str, Any]:
    names = ("account_name", "website", "ingest_rate", "created_at", "updated_at", "created_by_id", "updated_by_id")
    return {"account_id": row.pk} | _fields(row, names)


def _member(row: Member) -> dict[str, Any]:
    return {"email": row.user.email, "role_name": row.role.role_name} | _fields(
        row, ("id", "user_id", "state", "created_at", "updated_at", "created_by_id", "updated_by_id")
    )


def _destination(row: Destination) -> dict[str, Any]:
    names = ("id", "name", "url", "http_method", "state", "state_reason", "deleted_at", "created_at", "updated_at")
    policy = ("timeout_s", "retry_schedule", "rate_limit", "concurrency", "ordered")
    return _fields(row, (*names, *policy)) | {"headers": dict.fromkeys(row.headers, MASK)}


def _event(row: Event) -> dict[str, Any]:
    # A line break stands between values only, never in a string: as a space it means the same, and the line stays one.
    data = bytes(row.body).translate(_ONE_LINE)
    return _fields(row, ("id", "event_id", "received_timestamp", "size")) | {"received_data": orjson.Fragment(data)}


def _delivery(row: Delivery) -> dict[str, Any]:
    names = ("id", "destination_id", "status", "reason", "attempts", "next_attempt_at", "replay_of")
    return _fields(row, (*names, "created_at", "updated_at")) | {"event": row.event_id}


def _log(row: Log) -> dict[str, Any]:
    shown: dict[str, Any] = orjson.loads(as_entry(row, row.event.event_id, b"null").json)
    del shown["received_data"]  # it stands in the event's line
    return shown


_ONE_LINE = bytes.maketrans(b"\r\n", b"  ")

_SECTIONS = (
    _Section("account", lambda pk: Account.objects.filter(pk=pk), "id", _account),
    _Section("member", lambda pk: Member.objects.filter(account=pk).select_related("user", "role"), "id", _member),
    _Section(
        "destination",
        lambda pk: Destination.objects.filter(account=pk).defer("signing_secret", "previous_secret"),
        "id",
        _destination,
    ),
    _Section("event", lambda pk: Event.objects.filter(account=pk), "id", _event),
    _Section("delivery", lambda pk: Delivery.objects.filter(account=pk), "id", _delivery),
    _Section("log", lambda pk: Log.objects.filter(account=pk).select_related("event").defer("event__body"), "cursor", _log),
)
