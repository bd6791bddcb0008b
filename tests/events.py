"""Posts that are past the checks, for what stores them."""

import hashlib

from apps.accounts.models import Account
from apps.accounts.services import digest_of
from apps.events.models import NewEvent
from apps.ingest.batch import Post


def make_post(token: str, account: Account, event_id: str, body: bytes) -> Post:
    event = NewEvent(account.pk, event_id, body, hashlib.sha256(body).digest(), len(body))
    return Post(digest_of(token), event)
