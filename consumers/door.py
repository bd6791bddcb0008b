"""Who stands at the live socket's door."""

from typing import Any

from django.conf import settings
from django.http import parse_cookie

from apps.common.lanes import lane
from apps.users.selectors import bearer_of, signed_in
from consumers import protocol
from consumers.hub import Viewer
from consumers.protocol import Close
from consumers.query import Refused


def may_knock(scope: dict[str, Any]) -> bool:
    """A cookie counts from our own pages only; a bearer, where one is sent, from anywhere."""
    return _bearer(scope) is not None or _header(scope, b"origin") in settings.ALLOWED_ORIGINS


async def identify(scope: dict[str, Any]) -> Viewer:
    """By the bearer where one is sent, which then alone counts; else by the session's cookie. Raises Refused."""
    account_id = scope["url_route"]["kwargs"]["account_id"]
    bearer = _bearer(scope)
    if bearer is not None:
        found = await lane("read").run(bearer_of, bearer)
        if found is not None:
            return Viewer(account_id, found.user_id, sign_in_id=found.pk)
        raise Refused(Close.UNAUTHENTICATED, "The access token is not valid. Sign in again.")
    session_key = parse_cookie(_header(scope, b"cookie")).get(settings.SESSION_COOKIE_NAME, "")
    user_id = (await lane("read").run(signed_in, {session_key})).get(session_key)
    if user_id is None:
        raise Refused(Close.UNAUTHENTICATED, "Sign in to watch.")
    return Viewer(account_id, user_id, session_key=session_key)


def _bearer(scope: dict[str, Any]) -> str | None:
    offered = (word for word in scope["subprotocols"] if word.startswith(protocol.BEARER))
    first: str | None = next(offered, None)
    return None if first is None else first.removeprefix(protocol.BEARER)


def _header(scope: dict[str, Any], name: bytes) -> str:
    return str(next((value.decode("latin-1") for key, value in scope["headers"] if key == name), ""))
