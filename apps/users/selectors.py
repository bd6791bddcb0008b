"""Who is signed in."""

from collections.abc import Iterable
from uuid import UUID

from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.contrib.sessions.models import Session
from django.db.models.functions import Now
from django.utils.crypto import constant_time_compare

from apps.users.models import User


def signed_in(session_keys: Iterable[str]) -> dict[str, UUID]:
    """session key -> user id, for the sessions that are alive: not signed out, not expired, password unchanged.

    Two queries for any number of keys.
    """
    sessions = Session.objects.filter(session_key__in=list(session_keys), expire_date__gt=Now())
    data = {session.session_key: session.get_decoded() for session in sessions}
    claimed = {key: values for key, values in data.items() if SESSION_KEY in values and BACKEND_SESSION_KEY in values}
    users = {
        str(user.pk): user
        for user in User.objects.filter(pk__in={values[SESSION_KEY] for values in claimed.values()}, is_active=True)
    }
    return {
        key: users[values[SESSION_KEY]].pk
        for key, values in claimed.items()
        if values[SESSION_KEY] in users and _hash_fits(users[values[SESSION_KEY]], values.get(HASH_SESSION_KEY, ""))
    }


def _hash_fits(user: User, stored: str) -> bool:
    fitting = [user.get_session_auth_hash(), *user.get_session_auth_fallback_hash()]
    return any(constant_time_compare(stored, own) for own in fitting)
