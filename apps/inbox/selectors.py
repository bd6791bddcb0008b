"""Every read of inboxes."""

from collections.abc import Sequence
from dataclasses import dataclass

import orjson
from django.db.models.functions import Now

from apps.accounts.models import Account
from apps.common.errors import Missing
from apps.common.texts import visible
from apps.destinations.models import Destination
from apps.events.selectors import head
from apps.inbox.models import KEPT, KEPT_FOR, Inbox, Received

# Bytes of a body that a page shows: 100 requests of 64 KiB would be 6 MiB.
_BODY_SHOWN = 2048


@dataclass(frozen=True, slots=True)
class Shown:
    """A request as the page shows it."""

    received: Received
    headers: dict[str, str]
    body: str


def inbox_of(account: Account, key: str) -> Inbox:
    """Raises Missing when the account has no such inbox."""
    found = Inbox.objects.filter(account=account, key=key).first()
    if found is None:
        raise Missing("No such inbox.")
    return found


def received_by(inbox: Inbox) -> list[Shown]:
    """What came in the last 24 hours, the newest first. One query."""
    rows = Received.objects.filter(inbox=inbox, received_at__gte=Now() - KEPT_FOR).defer("body")
    return [_shown(row, bytes(row.head or b"")) for row in rows.annotate(head=head(_BODY_SHOWN)).order_by("-id")[:KEPT]]


def _shown(row: Received, beginning: bytes) -> Shown:
    headers: dict[str, str] = orjson.loads(bytes(row.headers))
    shown = {name: visible(value) for name, value in headers.items()}
    return Shown(row, shown, visible(beginning.decode("utf-8", "replace")))


def leading_to(inbox: Inbox) -> Sequence[Destination]:
    """The account's destinations that lead to the inbox, the oldest first."""
    return list(Destination.objects.alive().filter(account=inbox.account_id, url=inbox.url).order_by("id"))
