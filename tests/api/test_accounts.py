"""Accounts, their tokens and their history over REST."""

import pytest
from django.conf import LazySettings

from apps.accounts.models import Account, Token
from apps.accounts.selectors import token_owners
from apps.accounts.services import digest_of
from tests.browsing import everything
from tests.cast import Cast
from tests.rest import Rest

FIELDS = {"account_id", "account_name", "website", "ingest_rate", "created_at", "updated_at", "created_by", "updated_by"}


def of(cast: Cast, below: str = "") -> str:
    return f"accounts/{cast.account.pk}/{below}"


def works(token: str) -> bool:
    return bool(token_owners([digest_of(token)]))


def test_create_gives_the_token_once(cast: Cast) -> None:
    alice = Rest(cast.alice)
    created = alice.post("accounts/", {"account_name": "Fabrikam", "website": "https://fabrikam.example"})
    data = created.body["data"]
    assert (created.status, created.body["message"], created.headers["cache-control"]) == (201, "Data Received", "no-store")
    assert works(data["app_secret_token"])
    read = alice.get(f"accounts/{data['account_id']}/")
    assert set(read.body) == FIELDS
    assert read.body["created_by"] == read.body["updated_by"] == str(cast.alice.pk)


def test_the_list_has_ones_own_accounts_newest_first_in_pages(cast: Cast) -> None:
    alice = Rest(cast.alice)
    for number in range(3):
        alice.post("accounts/", {"account_name": f"A{number}"})
    first = alice.get("accounts/?page_size=3").body
    second = alice.get(first["next"].removeprefix("http://testserver/api/v1/")).body
    names = [account["account_name"] for account in first["results"] + second["results"]]
    assert names == ["A2", "A1", "A0", "Northwind"]
    assert (first["previous"], second["next"]) == (None, None)


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "account_name"),
        ({"account_name": ""}, "account_name"),
        ({"account_name": "x" * 201}, "account_name"),
        ({"account_name": "a\nb"}, "account_name"),
        ({"account_name": ["x"]}, "account_name"),
        ({"account_name": "\ud800"}, "account_name"),
        ({"account_name": "A", "website": "nonsense"}, "website"),
        ({"account_name": "A", "website": "javascript:alert(1)"}, "website"),
    ],
)
def test_bad_fields_are_named_and_nothing_is_made(cast: Cast, body: dict[str, object], field: str) -> None:
    alice = Rest(cast.alice)
    before = Account.objects.count()
    raw = b'{"account_name": "\\ud800"}' if body.get("account_name") == "\ud800" else body
    answer = alice.post("accounts/", raw)
    assert (answer.status, answer.body["message"], list(answer.body["details"])) == (400, "Invalid Data", [field])
    assert Account.objects.count() == before


@pytest.mark.parametrize("who", ["alice", "bob"])
def test_admin_and_normal_user_update_name_and_website(cast: Cast, who: str) -> None:
    rest = Rest(getattr(cast, who))
    answer = rest.patch(of(cast), {"website": "https://northwind.example"})
    assert (answer.status, answer.body["data"]["website"]) == (200, "https://northwind.example")
    assert answer.body["data"]["updated_by"] == str(getattr(cast, who).pk)
    assert rest.put(of(cast), {"account_name": "Northwind Ltd"}).body["data"]["account_name"] == "Northwind Ltd"


def test_what_get_gave_can_be_put_back_but_the_id_never_changes(cast: Cast) -> None:
    alice = Rest(cast.alice)
    read = alice.get(of(cast)).body
    assert alice.put(of(cast), read).status == 200
    moved = alice.put(of(cast), read | {"account_id": str(cast.other.pk)})
    assert (moved.status, list(moved.body["details"])) == (400, ["account_id"])


def test_an_etag_spares_the_body_and_guards_the_write(cast: Cast) -> None:
    alice = Rest(cast.alice)
    etag = alice.get(of(cast)).headers["etag"]
    assert alice.get(of(cast), If_None_Match=etag).status == 304
    changed = alice.patch(of(cast), {"account_name": "First"}, If_Match=etag)
    stale = alice.patch(of(cast), {"account_name": "Second"}, If_Match=etag)
    assert (changed.status, stale.status, stale.body["code"]) == (200, 412, "stale")
    assert alice.get(of(cast), If_None_Match=etag).body["account_name"] == "First"
    assert alice.delete(of(cast), If_Match='"nonsense"').status == 412
    assert alice.delete(of(cast), If_Match=changed.headers["etag"]).status == 204


def test_a_deleted_account_is_gone_at_once(cast: Cast) -> None:
    alice = Rest(cast.alice)
    assert alice.delete(of(cast)).status == 204
    assert alice.get(of(cast)).status == alice.delete(of(cast)).status == 404
    assert not works(cast.token)


@pytest.mark.parametrize(("method", "below"), [("DELETE", ""), ("GET", "token/"), ("POST", "token/rotate/"), ("GET", "audit/")])
def test_what_only_an_admin_may(cast: Cast, method: str, below: str) -> None:
    bob, charlie = Rest(cast.bob), Rest(cast.charlie)
    before = everything()
    assert bob(method, of(cast, below), {} if method == "POST" else None).status == 403
    assert charlie(method, of(cast, below), {} if method == "POST" else None).status == 404
    assert everything() == before


@pytest.mark.parametrize("method", ["GET", "PUT", "PATCH"])
def test_for_a_stranger_the_account_does_not_exist(cast: Cast, method: str) -> None:
    charlie = Rest(cast.charlie)
    before = everything()
    body = None if method == "GET" else {"account_name": "Mine"}
    assert charlie(method, of(cast), body).status == 404
    assert everything() == before


def test_the_token_is_revealed_and_who_saw_it_stands_in_the_history(cast: Cast) -> None:
    alice = Rest(cast.alice)
    revealed = alice.get(of(cast, "token/"))
    assert (revealed.body, revealed.headers["cache-control"]) == ({"app_secret_token": cast.token}, "no-store")
    newest = alice.get(of(cast, "audit/")).body["results"][0]
    assert (newest["action"], newest["user_id"]) == ("token.revealed", str(cast.alice.pk))
    assert newest["request_id"] == revealed.headers["x-request-id"]


def test_a_rotated_token_has_its_grace_and_two_are_alive_at_most(cast: Cast) -> None:
    alice = Rest(cast.alice)
    second = alice.post(of(cast, "token/rotate/"), {"grace_seconds": 600}).body["data"]["app_secret_token"]
    assert works(cast.token)
    third = alice.post(of(cast, "token/rotate/"), {"grace_seconds": 600}).body["data"]["app_secret_token"]
    assert [works(token) for token in (cast.token, second, third)] == [False, True, True]
    fourth = alice.post(of(cast, "token/rotate/")).body["data"]["app_secret_token"]
    assert [works(token) for token in (second, third, fourth)] == [False, False, True]
    assert Token.objects.filter(account=cast.account).count() == 2


@pytest.mark.parametrize("grace", [-1, 604_801, "x", None, 1.5])
def test_a_bad_grace_is_named(cast: Cast, grace: object) -> None:
    answer = Rest(cast.alice).post(of(cast, "token/rotate/"), {"grace_seconds": grace})
    assert (answer.status, list(answer.body["details"])) == (400, ["grace_seconds"])
    assert works(cast.token)


def test_the_history_tells_before_and_after_and_no_secret(cast: Cast) -> None:
    alice = Rest(cast.alice)
    alice.patch(of(cast), {"account_name": "New name"})
    alice.post(of(cast, "token/rotate/"))
    rotated, updated = alice.get(of(cast, "audit/?page_size=2")).body["results"]
    assert (updated["before"], updated["after"]) == ({"account_name": "Northwind"}, {"account_name": "New name"})
    assert (rotated["action"], rotated["after"]) == ("token.rotated", {"grace_seconds": 0})
    assert "dp_" not in str(alice.get(of(cast, "audit/")).body)


def test_there_are_two_roles(cast: Cast) -> None:
    rows = Rest(cast.bob).get("roles/").body["results"]
    assert {row["role_name"] for row in rows} == {"Admin", "Normal user"}
    assert set(rows[0]) == {"id", "role_name", "created_at", "updated_at"}


def test_a_limit_is_a_conflict_that_names_it(cast: Cast, settings: LazySettings) -> None:
    settings.MAX_ACCOUNTS_PER_USER = 1
    answer = Rest(cast.alice).post("accounts/", {"account_name": "One more"})
    assert (answer.status, answer.body["code"]) == (409, "limit_reached")
    assert "MAX_ACCOUNTS_PER_USER" in answer.body["details"]["limit"][0]
