"""The settings of an account and its new member, judged while somebody types."""

from typing import Any

import pytest
from django.core import mail
from django.test import Client

from tests.browsing import everything, sign_in
from tests.cast import Cast

SETTINGS = {"account_name": "Fabrikam", "website": "fabrikam.example", "version": "1"}
MEMBER = {"email": "zoe@example.com", "role_id": "2"}


def check(cast: Cast, client: Client, page: str, fields: dict[str, str]) -> Any:
    return client.post(f"/accounts/{cast.account.pk}/{page}/", fields, headers={"X-Check": "1"})


@pytest.mark.parametrize(
    ("page", "fields", "wrong"),
    [("settings", SETTINGS, []), ("settings", SETTINGS | {"account_name": " "}, ["account_name"]),
     ("settings", SETTINGS | {"account_name": "x" * 256, "website": "no site"}, ["account_name", "website"]),
     ("settings", SETTINGS | {"account_name": "a\x00b"}, ["account_name"]),
     ("members", MEMBER, []), ("members", MEMBER | {"email": ""}, ["email"]),
     ("members", MEMBER | {"email": "nobody", "role_id": "3"}, ["email", "role_id"]),
     ("members", MEMBER | {"email": "Bob@Example.com"}, ["email"])],
)  # fmt: skip
def test_a_check_names_each_wrong_field_and_does_nothing(
    cast: Cast, page: str, fields: dict[str, str], wrong: list[str]
) -> None:
    alice = sign_in(cast.alice)
    before = everything()
    answer = check(cast, alice, page, fields)
    assert (answer.status_code, sorted(answer.json()["errors"])) == (200, wrong)
    assert everything() == before
    assert mail.outbox == []


@pytest.mark.parametrize(
    ("page", "fields"),
    [("settings", SETTINGS | {"account_name": "", "website": "ftp://x"}), ("members", MEMBER | {"email": "bob@example.com"}),
     ("members", MEMBER | {"email": "@"}), ("members", {"email": "", "role_id": "x"})],
)  # fmt: skip
def test_a_check_says_what_the_post_says(cast: Cast, page: str, fields: dict[str, str]) -> None:
    alice = sign_in(cast.alice)
    said = check(cast, alice, page, fields).json()["errors"]
    posted = alice.post(f"/accounts/{cast.account.pk}/{page}/", fields).context["form"].errors
    assert said == {name: list(each) for name, each in posted.items()} != {}


@pytest.mark.parametrize("name", ["Fabrikam", "", "x" * 256, "a\x00b"])
def test_a_new_account_is_judged_as_its_post_is(cast: Cast, name: str) -> None:
    alice, fields = sign_in(cast.alice), {"account_name": name, "website": "" if name == "Fabrikam" else "no site"}
    before = everything()
    said = alice.post("/accounts/new/", fields, headers={"X-Check": "1"}).json()["errors"]
    assert Client().post("/accounts/new/", fields, headers={"X-Check": "1"}).status_code == 302
    assert everything() == before
    posted = alice.post("/accounts/new/", fields)
    wrong = posted.context["form"].errors if posted.status_code == 400 else {}
    assert said == {field: list(each) for field, each in wrong.items()}
    assert (said == {}) is (name == "Fabrikam")


def test_what_is_wrong_with_an_e_mail_is_said_once(cast: Cast) -> None:
    said = check(cast, sign_in(cast.alice), "members", MEMBER | {"email": "nobody"}).json()["errors"]
    assert said == {"email": ["Enter an e-mail address such as ada@example.com."]}


@pytest.mark.parametrize("known", ["charlie@example.com", "nobody@example.com"])
def test_a_check_does_not_tell_whom_we_know(cast: Cast, known: str) -> None:
    assert check(cast, sign_in(cast.alice), "members", MEMBER | {"email": known}).json() == {"errors": {}}


@pytest.mark.parametrize(("who", "codes"), [("alice", [200, 200]), ("bob", [200, 403]), ("charlie", [404, 404])])
def test_who_may_not_post_may_not_check(cast: Cast, who: str, codes: list[int]) -> None:
    client, strict = sign_in(getattr(cast, who)), Client(enforce_csrf_checks=True)
    strict.force_login(cast.alice)
    before = everything()
    asked = {"settings": SETTINGS, "members": MEMBER}
    assert [check(cast, client, page, fields).status_code for page, fields in asked.items()] == codes
    assert [check(cast, Client(), page, fields).status_code for page, fields in asked.items()] == [302, 302]
    assert [check(cast, strict, page, fields).status_code for page, fields in asked.items()] == [403, 403]
    assert everything() == before
