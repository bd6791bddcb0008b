"""Access and refresh tokens: JWT (RFC 7519), HS256. What they say is checked against the sign-in on each use."""

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

import jwt
from django.conf import settings

ACCESS_LASTS = timedelta(minutes=15)
REFRESH_LASTS = timedelta(days=14)
_ALGORITHM = "HS256"


@dataclass(frozen=True, slots=True)
class Claims:
    sign_in_id: UUID
    token_id: UUID


def _key() -> bytes:
    """A key of its own, so that no other signature made with SECRET_KEY is ever a token."""
    return hashlib.sha256(b"datapusher.jwt." + settings.SECRET_KEY.encode()).digest()


def encode(kind: str, claims: Claims, *, user_id: UUID, expires_at: datetime) -> str:
    """`kind`: access or refresh."""
    content = {
        "typ": kind,
        "sub": str(user_id),
        "sid": str(claims.sign_in_id),
        "jti": str(claims.token_id),
        "exp": int(expires_at.timestamp()),
    }
    return jwt.encode(content, _key(), algorithm=_ALGORITHM)


def decode(kind: str, token: str) -> Claims | None:
    """None for a token that is malformed, of another kind, expired or not ours."""
    try:
        content = jwt.decode(token, _key(), algorithms=[_ALGORITHM], options={"require": ["exp", "sid", "jti"]})
        fits = content.get("typ") == kind
        return Claims(UUID(content["sid"]), UUID(content["jti"])) if fits else None
    except (jwt.InvalidTokenError, ValueError, TypeError, AttributeError):
        return None
