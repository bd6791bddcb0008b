"""A first event, for who has no sender yet: stored as a sender's post would be, by the account's own token."""

import hashlib
from uuid import UUID

import orjson
from django.utils import timezone

from apps.accounts.models import Member
from apps.accounts.policies import Right, authorise
from apps.accounts.selectors import current_digest, refuse_full
from apps.common.errors import Conflict
from apps.common.rate import spend
from apps.deliveries import doorbell
from apps.events.models import NewEvent
from apps.ingest.batch import Post, Verdict, store

_A_MINUTE = 10


def send_sample(*, by: Member) -> UUID:
    """Stores an event with a delivery for each of the account's destinations. Returns our id of it.

    Raises:
        NotAllowed.
        TooMany: 10 a minute for an account; or too many of its deliveries wait.
        Conflict: the token was rotated, or the account deleted, just now.
    """
    authorise(by.role.role_name, Right.SEND_AGAIN)
    spend(f"sample:{by.account_id}", _A_MINUTE, 60)
    refuse_full(by.account_id)
    now = timezone.now()
    body = orjson.dumps({"kind": "test", "message": "A first event from Data Pusher", "sent_at": now.isoformat()})
    event = NewEvent(
        account_id=by.account_id,
        event_id=f"test-{now:%H%M%S}-{now.microsecond:06}",
        body=body,
        digest=hashlib.sha256(body).digest(),
        size=len(body),
    )
    if store([Post(current_digest(by.account_id), event)]) != [Verdict.STORED]:
        raise Conflict("It was not stored. Try again.")
    doorbell.ring_after_commit()
    return event.id
