"""The operators' site: who gets in, what it never shows, what can be changed and stands in the history then."""

from collections.abc import Iterator
from datetime import timedelta
from io import StringIO
from typing import Any

import orjson
import pytest
from django.contrib import admin
from django.core import mail
from django.core.management import call_command
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from apps.accounts.services import rotate_token
from apps.audit.models import Entry
from apps.common.admin import Shown
from apps.common.errors import Missing
from apps.common.ids import uuid7
from apps.destinations.models import Destination
from apps.destinations.services import rotate_secret
from apps.events.models import Event
from apps.ingest.batch import store as store_posts
from apps.logs.models import Log
from apps.users.models import ANONYMOUS_USER_ID, SYSTEM_USER_ID, User
from apps.users.services import set_active
from tests.apps.test_pages import Active
from tests.browsing import everything, sign_in
from tests.cast import PASSWORD, Cast
from tests.events import make_post
from tests.rest import Rest

PAYLOAD, VALUE, QUERY, ANSWER = "planted-payload", "planted-value", "planted-query", "planted-answer"
MODELS = sorted(model._meta.label_lower for model in admin.site._registry)


@pytest.fixture
def operator(cast: Cast) -> Client:
    return sign_in(User.objects.create_superuser("olga@example.com", PASSWORD))


def log_of(event: Event, destination: Destination, cursor: int) -> Log:
    now = timezone.now()
    return Log(
        id=uuid7(), cursor=cursor, account=event.account, destination=destination, event=event,
        delivery_id=uuid7(), received_timestamp=now, processed_timestamp=now, status="failed", attempt=1, max_attempts=2,
        response_headers=orjson.dumps({"X-Answer": ANSWER}), response_body=ANSWER.encode(),
    )  # fmt: skip


def furnish(cast: Cast, number: int = 1) -> set[str]:
    """Rows in every table; returns the secrets in them."""
    url = f"http://127.0.0.1:2/hook?key={QUERY}"
    made = [cast.destination(url, headers={"X-Key": VALUE}) for _ in range(number)]
    old = made[0].signing_secret
    new = rotate_secret(destination=made[0], by=cast.admin, grace_seconds=600)
    token = rotate_token(by=cast.admin, grace_seconds=600)
    store_posts([make_post(token, cast.account, f"{uuid7()}", f'"{PAYLOAD}"'.encode()) for _ in range(number)])
    logged = Log.objects.count()
    Log.objects.bulk_create([log_of(event, made[0], logged + n) for n, event in enumerate(Event.objects.all(), 1)])
    pair = Rest(cast.alice).pair
    assert pair is not None
    return {PAYLOAD, VALUE, QUERY, ANSWER, old, new, cast.token, token, pair.access, pair.refresh, cast.alice.password}


def list_of(label: str) -> str:
    return f"/admin/{label.replace('.', '/')}/"


def site(label: str) -> Shown:
    found = next(own for model, own in admin.site._registry.items() if model._meta.label_lower == label)
    assert isinstance(found, Shown)
    return found


def pages(label: str) -> Iterator[str]:
    yield from (list_of(label), f"{list_of(label)}?q=x", f"{list_of(label)}?q={uuid7()}")
    for each in site(label).model.objects.all():
        yield f"{list_of(label)}{each.pk}/change/"
        yield f"{list_of(label)}{each.pk}/history/"


def test_it_has_the_tables_that_operators_ask_about() -> None:
    assert MODELS == [
        "accounts.account", "accounts.member", "accounts.token", "audit.entry", "deliveries.delivery",
        "destinations.destination", "events.event", "logs.log", "users.signin", "users.user",
    ]  # fmt: skip


@pytest.mark.parametrize("label", MODELS)
def test_no_page_shows_a_secret_or_runs_what_is_inline(cast: Cast, operator: Client, label: str) -> None:
    secrets = furnish(cast)
    for path in pages(label):
        answer = operator.get(path)
        text = answer.content.decode()
        assert (answer.status_code, path) == (200, path)
        assert [secret for secret in secrets if secret in text] == []
        assert Active(text).found == []


@pytest.mark.parametrize("label", MODELS)
def test_a_list_costs_the_same_queries_for_one_row_and_for_many(cast: Cast, operator: Client, label: str) -> None:
    asked = []
    for number in (1, 49):
        furnish(cast, number)
        with CaptureQueriesContext(connection) as queries:
            assert operator.get(list_of(label)).status_code == 200
        asked.append([each["sql"] for each in queries])
    assert len(asked[0]) == len(asked[1])
    assert all("LIMIT 1000" in sql for sql in asked[1] if "COUNT(" in sql)


@pytest.mark.parametrize("label", MODELS)
def test_nothing_is_added_deleted_or_changed_but_by_a_service(cast: Cast, operator: Client, label: str) -> None:
    furnish(cast)
    row = f"{list_of(label)}{site(label).model.objects.order_by('pk').first().pk}"
    before = everything()
    asked = [f"{list_of(label)}add/", f"{row}/delete/"]
    assert [operator.post(path, {"post": "yes"}).status_code for path in asked] == [403, 403]
    assert operator.post(list_of(label), {"action": "delete_selected", "_selected_action": "1"}).status_code in {200, 302, 403}
    if label not in {"accounts.account", "users.user"}:
        assert operator.post(f"{row}/change/", {"state": "active"}).status_code == 403
    assert everything() == before


def test_an_accounts_rate_is_set_with_an_entry_in_its_history(cast: Cast, operator: Client) -> None:
    path = f"/admin/accounts/account/{cast.account.pk}/change/"
    assert operator.post(path, {"rate": "7", "account_name": "Mine"}).status_code == 302
    cast.account.refresh_from_db()
    olga = User.objects.get(email="olga@example.com")
    assert (cast.account.ingest_rate, cast.account.account_name, cast.account.updated_by) == (7, "Northwind", olga)
    entry = Entry.objects.order_by("-id").first()
    assert entry is not None
    assert (entry.action, entry.user_id, entry.account_id) == ("account.rate_set", olga.pk, cast.account.pk)
    assert (entry.before, entry.after) == ({"ingest_rate": None}, {"ingest_rate": 7})
    assert operator.post(path, {"rate": ""}).status_code == 302
    cast.account.refresh_from_db()
    assert cast.account.ingest_rate is None


@pytest.mark.parametrize("rate", ["0", "-1", "x", "1.5", "1000001", "9" * 30])
def test_a_wrong_rate_is_refused(cast: Cast, operator: Client, rate: str) -> None:
    before = everything()
    assert operator.post(f"/admin/accounts/account/{cast.account.pk}/change/", {"rate": rate}).status_code == 200
    assert everything() == before


def test_who_is_kept_out_is_out_at_once_with_an_entry_under_their_id(cast: Cast, operator: Client) -> None:
    browser, rest = sign_in(cast.bob), Rest(cast.bob)
    path = f"/admin/users/user/{cast.bob.pk}/change/"
    assert operator.post(path, {"is_staff": "on", "is_superuser": "on", "email": "x@example.com"}).status_code == 302
    cast.bob.refresh_from_db()
    assert (cast.bob.is_active, cast.bob.is_staff, cast.bob.email) == (False, False, "bob@example.com")
    assert (rest.get("accounts/").status, browser.get("/accounts/new/").status_code) == (401, 302)
    entry = Entry.objects.get(account_id=cast.bob.pk)
    assert (entry.action, entry.before, entry.after) == ("user.active_set", {"is_active": True}, {"is_active": False})
    assert operator.post(path, {"is_active": "on"}).status_code == 302
    assert Rest(cast.bob).get("accounts/").status == 200


@pytest.mark.parametrize("who", ["system", "anonymous", "erased"])
def test_whom_no_person_stands_behind_is_let_in_by_nobody(cast: Cast, operator: Client, who: str) -> None:
    bob = cast.bob.pk
    assert Rest(cast.bob).delete("auth/me/").status == 204
    user = User.objects.get(pk={"system": SYSTEM_USER_ID, "anonymous": ANONYMOUS_USER_ID, "erased": bob}[who])
    path = f"/admin/users/user/{user.pk}/change/"
    assert (operator.get(path).status_code, operator.post(path, {"is_active": "on"}).status_code) == (200, 403)
    assert {operator.get(f"{path[:-7]}password/").status_code, operator.get(f"{path}password/").status_code} <= {302, 404}
    with pytest.raises(Missing):
        set_active(user=user, active=True, by=cast.alice)
    Client().post("/user/password/reset/", {"email": user.email})
    user.refresh_from_db()
    assert (user.is_active, user.has_usable_password(), "/key/" in str([each.body for each in mail.outbox])) == (False,) * 3


def test_tables_are_named_as_people_say(operator: Client) -> None:
    index = operator.get("/admin/").content.decode()
    assert [each for each in ("Deliveries", "History", "Sign ins") if f">{each}</a>" not in index] == []


def test_staff_without_a_right_sees_and_changes_nothing(cast: Cast) -> None:
    User.objects.filter(pk=cast.bob.pk).update(is_staff=True)
    bob = sign_in(cast.bob)
    before = everything()
    assert (bob.get("/admin/").status_code, bob.get("/admin/users/user/").status_code) == (200, 403)
    assert bob.post(f"/admin/accounts/account/{cast.account.pk}/change/", {"rate": "7"}).status_code == 403
    assert everything() == before


@pytest.mark.parametrize("path", ["/admin/", "/admin/login/", "/admin/users/user/", "/admin/jsi18n/"])
def test_for_who_is_no_operator_there_is_nothing(cast: Cast, path: str) -> None:
    assert sign_in(cast.alice).get(path).status_code == 404
    assert sign_in(cast.alice).post(path).status_code == 404


def test_an_operator_signs_in_where_everybody_does(cast: Cast, operator: Client) -> None:
    olga = Client()
    step = olga.get("/admin/users/user/")["Location"]
    assert step == "/admin/login/?next=/admin/users/user/"
    assert olga.get(step)["Location"] == "/user/login/?next=/admin/users/user/"
    assert olga.post(step, {"username": "olga@example.com", "password": PASSWORD})["Location"].startswith("/user/login/")
    signed_in = olga.post("/user/login/?next=/admin/users/user/", {"login": "olga@example.com", "password": PASSWORD})
    assert signed_in["Location"] == "/admin/users/user/"
    assert olga.get("/admin/users/user/").status_code == 200
    assert operator.get("/admin/password_change/")["Location"] == "/user/password/change/"


@pytest.mark.parametrize(
    "query", ["?q=%00", "?q=x%27--", "?p=99999999", "?p=x", "?o=9.9", "?account_id=x", "?status__exact=%00", "?all=", "?e=1"]
)
def test_no_query_makes_it_fail(cast: Cast, operator: Client, query: str) -> None:
    furnish(cast)
    for label in MODELS:
        assert operator.get(list_of(label) + query).status_code in {200, 302, 400, 404}


def test_a_search_by_id_finds_the_account_and_what_belongs_to_it(cast: Cast, operator: Client) -> None:
    furnish(cast)
    for label in ("accounts.account", "accounts.token", "destinations.destination", "events.event", "logs.log", "audit.entry"):
        for account, found in ((cast.account, True), (uuid7(), False)):
            listed: Any = operator.get(f"{list_of(label)}?q={getattr(account, 'pk', account)}").context["cl"]
            assert bool(listed.result_count) is found, label
    people: Any = operator.get("/admin/users/user/?q=ALICE").context["cl"]
    assert people.result_count == 1


def test_createsuperuser_makes_an_operator(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DJANGO_SUPERUSER_PASSWORD", PASSWORD)
    call_command("createsuperuser", email="Ops@Example.com", interactive=False, stdout=StringIO())
    made = User.objects.get(email="ops@example.com")
    assert (made.is_staff, made.is_superuser, made.created_by) == (True, True, made)
    client = Client()
    client.post("/user/login/", {"login": "ops@example.com", "password": PASSWORD})
    assert client.get("/admin/").status_code == 200
    assert made.created_at > timezone.now() - timedelta(minutes=5)
