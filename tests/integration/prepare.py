"""What a test does inside the product's own database; each call is a process of its own.

`python -m tests.integration.prepare account URL...`: an account with these destinations; prints its id, its token and a
session of its Admin as JSON. `... delete ACCOUNT_ID`: deletes it.
"""

import json
import sys
from uuid import UUID

import django

django.setup()

from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY  # noqa: E402  (after setup)
from django.contrib.sessions.backends.db import SessionStore  # noqa: E402

from apps.accounts.models import Member  # noqa: E402
from apps.accounts.services import create_account, delete_account  # noqa: E402
from apps.common.ids import uuid7  # noqa: E402
from apps.users.models import User  # noqa: E402
from tests.cast import make_destination  # noqa: E402


def account(*urls: str) -> dict[str, str]:
    user = User.objects.create_user(f"{uuid7()}@example.com")
    made, token = create_account(by=user, account_name="Northwind")
    for url in urls:
        make_destination(Member.objects.get(account=made), url, timeout_s=1, retry_schedule=[1] * 20)
    session = SessionStore()
    session[SESSION_KEY], session[HASH_SESSION_KEY] = str(user.pk), user.get_session_auth_hash()
    session[BACKEND_SESSION_KEY] = "allauth.account.auth_backends.AuthenticationBackend"
    session.save()
    return {"account_id": str(made.pk), "token": token, "session": str(session.session_key)}


def delete(account_id: str) -> dict[str, str]:
    delete_account(by=Member.objects.select_related("role").get(account=UUID(account_id)))
    return {}


if __name__ == "__main__":
    done = delete(sys.argv[2]) if sys.argv[1] == "delete" else account(*sys.argv[2:])
    sys.stdout.write(json.dumps(done))
