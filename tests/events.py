"""Posts that are past the checks, for what stores them."""

import hashlib

from apps.accounts.models import Account
from apps.accounts.services import digest_of
from apps.events.models import Event
from apps.ingest.batch import Post


def make_post(token: str, account: Account, event_id: str, body: bytes) -> Post:
    event = Event(account_id=account.pk, event_id=event_id, body=body, digest=hashlib.sha256(body).digest(), size=len(body))
    return Post(digest_of(token), event)
