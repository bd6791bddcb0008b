"""What a test does inside the product's own database: a line of standard input each, JSON, answered by a line.

`["account", POLICY, URL...]`: an account with these destinations, whose policy is a JSON object; its id, token and a session
of its Admin.
`["member", ACCOUNT_ID, ROLE]`: one more person in it; the session.
`["delete", ACCOUNT_ID]`: deletes it. `["remove", SESSION]`: takes whose session it is out of every account.
`["role", SESSION, ROLE]`: gives another role. `["store", ACCOUNT_ID, TOKEN, NUMBER]`: so many events, as a sender would.
"""

import json
import sys
from collections.abc import Callable
from uuid import UUID

import django

django.setup()

from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY  # noqa: E402  (after setup)
from django.contrib.sessions.backends.db import SessionStore  # noqa: E402
from django.db import connection  # noqa: E402
from django.db.models import QuerySet  # noqa: E402

from apps.accounts.models import Account, Member, Role  # noqa: E402
from apps.accounts.services import create_account, delete_account  # noqa: E402
from apps.common.ids import uuid7  # noqa: E402
from apps.ingest.batch import Verdict  # noqa: E402
from apps.ingest.batch import store as store_posts  # noqa: E402
from apps.users.models import User  # noqa: E402
from tests.cast import make_destination  # noqa: E402
from tests.events import make_post  # noqa: E402

# Posts stored in one transaction, as under load.
AT_ONCE = 200


def account(policy: str, *urls: str) -> dict[str, str]:
    user = User.objects.create_user(f"{uuid7()}@example.com")
    made, token = create_account(by=user, account_name="Northwind")
    for url in urls:
        make_destination(Member.objects.get(account=made), url, **({"retry_schedule": [1] * 20} | json.loads(policy)))
    return {"account_id": str(made.pk), "token": token, "session": session_of(user)}


def session_of(user: User) -> str:
    session = SessionStore()
    session[SESSION_KEY], session[HASH_SESSION_KEY] = str(user.pk), user.get_session_auth_hash()
    session[BACKEND_SESSION_KEY] = "allauth.account.auth_backends.AuthenticationBackend"
    session.save()
    return str(session.session_key)


def member(account_id: str, role: str) -> dict[str, str]:
    user, admin = User.objects.create_user(f"{uuid7()}@example.com"), Member.objects.filter(account=UUID(account_id))[0].user
    has = {"role": Role.objects.get(role_name=role), "created_by": admin, "updated_by": admin}
    Member.objects.create(account_id=UUID(account_id), user=user, **has)
    return {"session": session_of(user)}


def delete(account_id: str) -> dict[str, str]:
    delete_account(by=Member.objects.select_related("role").filter(account=UUID(account_id), role__role_name=Role.ADMIN)[0])
    return {}


def _memberships(session: str) -> QuerySet[Member]:
    return Member.objects.filter(user=SessionStore(session)[SESSION_KEY])


def remove(session: str) -> dict[str, str]:
    _memberships(session).delete()
    return {}


def role(session: str, name: str) -> dict[str, str]:
    _memberships(session).update(role=Role.objects.get(role_name=name))
    return {}


def store(account_id: str, token: str, number: str) -> dict[str, str]:
    owner, left = Account.objects.get(pk=UUID(account_id)), range(int(number))
    while left:
        now, left = left[:AT_ONCE], left[AT_ONCE:]
        verdicts = store_posts([make_post(token, owner, f"stored-{each}", b"{}") for each in now])
        assert set(verdicts) == {Verdict.STORED}
    return {}


DO: dict[str, Callable[..., dict[str, str]]] = {
    "account": account, "member": member, "delete": delete, "remove": remove, "role": role,
    "store": store,
}  # fmt: skip

if __name__ == "__main__":
    for line in sys.stdin:
        word, *rest = json.loads(line)
        sys.stdout.write(json.dumps(DO[word](*rest)) + "\n")
        sys.stdout.flush()
        connection.close()
