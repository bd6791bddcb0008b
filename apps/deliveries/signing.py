"""Standard Webhooks 1.0: the id, the timestamp and the signature."""

import hashlib
from datetime import datetime
from functools import lru_cache
from uuid import UUID

from standardwebhooks import Webhook


def webhook_id(event: UUID, destination: UUID) -> str:
    """The same on every try and every replay of the pair; another for another destination."""
    return f"msg_{hashlib.sha256(event.bytes + destination.bytes).hexdigest()[:32]}"


def sign(secrets: tuple[str, ...], message_id: str, moment: datetime, content: bytes) -> tuple[tuple[str, str], ...]:
    """The three headers over `content`: the body or, for GET, the query string as sent."""
    text = content.decode()
    signature = " ".join(_signer(secret).sign(message_id, moment, text) for secret in secrets)
    return (
        ("webhook-id", message_id),
        ("webhook-timestamp", str(int(moment.timestamp()))),
        ("webhook-signature", signature),
    )


@lru_cache(maxsize=5000)
def _signer(secret: str) -> Webhook:
    """With the key decoded."""
    return Webhook(secret)
