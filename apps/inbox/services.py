"""Every write to inboxes."""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass

import orjson
from django.db import transaction
from django.db.models.functions import Now
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from apps.accounts.models import Account, Member
from apps.accounts.policies import Right, authorise
from apps.audit import services as audit
from apps.common.batches import delete_some
from apps.common.errors import LimitReached, Missing
from apps.common.fields import MASK
from apps.common.rate import spend
from apps.deliveries.selectors import database_now
from apps.destinations.models import Destination
from apps.destinations.services import create_destination
from apps.inbox.models import KEPT, KEPT_FOR, Inbox, Received

# 100 requests of 64 KiB each: 32 MiB of an account at most, which go with it in one step.
INBOXES_MAX = 5
BODY_MAX = 65_536
_A_SECOND = 20
# What our own front adds to a request.
_OURS = {"x-request-id"}
# Base 32: 26 of them are 130 bits.
_LETTERS = "abcdefghijklmnopqrstuvwxyz234567"


class TooBig(Exception):
    """The body is over BODY_MAX bytes."""


@dataclass(frozen=True, slots=True)
class Came:
    """A request at an inbox. `query` is as it was sent."""

    method: str
    query: str
    headers: Mapping[str, str]
    body: bytes


@transaction.atomic
def open_inbox(*, by: Member) -> tuple[Inbox, Destination]:
    """A new inbox of the member's account, and a destination that leads to it.

    Raises:
        NotAllowed: the member is not an Admin.
        LimitReached: the account has 5, or as many destinations as it may have.
        ValidationError: no destination may lead to this server's own address.
    """
    authorise(by.role.role_name, Right.MANAGE_DESTINATIONS)
    Account.objects.select_for_update(no_key=True).get(pk=by.account_id)  # two creations count one after the other
    number = Inbox.objects.filter(account=by.account_id).count()
    if number >= INBOXES_MAX:
        raise LimitReached(f"The account has {INBOXES_MAX} test receivers, the most that it may have.")
    inbox = Inbox(account_id=by.account_id, key="".join(secrets.choice(_LETTERS) for _ in range(26)))
    inbox.save(force_insert=True)
    audit.record(account_id=by.account_id, user_id=by.user_id, action="inbox.created", object_id=inbox.pk)
    name = "Test receiver" if not number else f"Test receiver {number + 1}"
    headers = {"X-Test": "masked-where-it-is-shown"}
    return inbox, create_destination(by=by, url=inbox.url, http_method="POST", headers=headers, name=name)


def receive(*, key: str, came: Came) -> Received:
    """Keeps a request that is signed for a destination that leads to the inbox.

    Raises:
        Missing: no such inbox, or not signed: all the same to whoever sends.
        TooMany: 20 a second for an inbox.
        TooBig.
    """
    inbox = Inbox.objects.filter(key=key, account__deleted_at=None).first()
    signer = _signer(inbox, came) if inbox else None
    if inbox is None or signer is None:
        raise Missing("No such inbox.")
    spend(f"inbox:{inbox.pk}", _A_SECOND, 1)
    if len(came.body) > BODY_MAX:
        raise TooBig
    return _keep(inbox, signer, came)


def _signer(inbox: Inbox, came: Came) -> Destination | None:
    """The destination with whose secret it is signed, over the body or, for GET, over the query string."""
    now = database_now()
    signed = came.query.encode() if came.method == "GET" else came.body
    for destination in Destination.objects.alive().filter(account=inbox.account_id, url=inbox.url).order_by("id"):
        for secret in destination.signing_secrets(now):
            try:
                Webhook(secret).verify(signed, dict(came.headers), json_parse=False)
            except (WebhookVerificationError, ValueError, OverflowError):  # the latter two: it is malformed
                continue
            return destination
    return None


@transaction.atomic
def _keep(inbox: Inbox, signer: Destination, came: Came) -> Received:
    """The newest 100 stay."""
    hidden = {name.lower() for name in signer.headers} | {"webhook-signature", "cookie", "authorization"}
    shown = {name: MASK if name.lower() in hidden else value for name, value in came.headers.items() if name not in _OURS}
    headers = orjson.dumps({name: value.encode("utf-8", "replace").decode() for name, value in shown.items()})
    Inbox.objects.select_for_update(no_key=True).get(pk=inbox.pk)
    made = Received.objects.create(
        inbox=inbox, method=came.method, query=came.query, headers=headers, body=came.body, size=len(came.body)
    )
    newest = Received.objects.filter(inbox=inbox).order_by("-id").values_list("pk", flat=True)[:KEPT]
    Received.objects.filter(inbox=inbox).exclude(pk__in=list(newest)).delete()
    return made


def forget_old() -> int:
    """Removes what came more than 24 hours ago. Returns how many rows, at most 1,000."""
    return delete_some(Received.objects.filter(received_at__lt=Now() - KEPT_FOR))
