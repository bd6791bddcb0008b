"""The pages of an account's settings and of its exports."""

from typing import Any

import pytest
from django.test import Client

from apps.accounts.models import Account, Token
from apps.accounts.services import digest_of, update_account
from apps.audit.models import Entry
from apps.deliveries.exports import write_exports
from apps.deliveries.models import Export
from tests.browsing import everything, sign_in, stands_anywhere
from tests.cast import Cast


@pytest.fixture
def alice(cast: Cast) -> Client:
    return sign_in(cast.alice)


def path(cast: Cast, below: str = "settings/") -> str:
    return f"/accounts/{cast.account.pk}/{below}"


def rename(cast: Cast, client: Client, name: str, website: str = "", version: int = 1) -> Any:
    return client.post(path(cast), {"account_name": name, "website": website, "version": version})


def test_alice_renames_the_account_and_bob_may_too(cast: Cast, alice: Client) -> None:
    assert rename(cast, alice, "Contoso").status_code == 302
    assert rename(cast, sign_in(cast.bob), "Fabrikam", "https://fabrikam.example", 2).status_code == 302
    account = Account.objects.get(pk=cast.account.pk)
    assert (account.account_name, account.website) == ("Fabrikam", "https://fabrikam.example")


def test_what_was_typed_wrong_is_kept_with_a_message_beside_it(cast: Cast, alice: Client) -> None:
    before = everything()
    page = rename(cast, alice, "", "not a website")
    assert (page.status_code, set(page.context["form"].errors)) == (400, {"account_name", "website"})
    text = page.content.decode()
    assert 'value="not a website"' in text
    assert 'aria-describedby="id_website_error"' in text
    assert everything() == before


def test_who_saves_over_another_change_is_told_and_may_then(cast: Cast, alice: Client) -> None:
    update_account(by=cast.normal_user, changes={"account_name": "Bob's"})
    page = rename(cast, alice, "Alice's")
    assert (page.status_code, "Somebody saved other changes" in page.content.decode()) == (409, True)
    assert Account.objects.get(pk=cast.account.pk).account_name == "Bob's"
    assert rename(cast, alice, "Alice's", version=page.context["form"]["version"].value()).status_code == 302


def test_the_token_stands_only_on_the_page_that_was_asked_for_it(cast: Cast, alice: Client) -> None:
    before = alice.get(path(cast)).content.decode()
    page = alice.post(path(cast, "token/"))
    assert (cast.token in before, cast.token in page.content.decode()) == (False, True)
    assert "no-store" in page["Cache-Control"]
    assert Entry.objects.filter(action="token.revealed", user_id=cast.alice.pk).count() == 1
    assert cast.token not in alice.get(path(cast)).content.decode()
    assert not stands_anywhere(cast.token)


@pytest.mark.parametrize(("grace", "alive"), [("0", False), ("3600", True)])
def test_a_rotated_token_is_shown_once_and_the_old_one_has_its_grace(
    cast: Cast, alice: Client, grace: str, alive: bool
) -> None:
    page = alice.post(path(cast, "token/rotate/"), {"grace_seconds": grace})
    fresh = page.context["token"]
    assert (fresh in page.content.decode(), "no-store" in page["Cache-Control"]) == (True, True)
    assert Token.objects.alive().filter(digest=digest_of(fresh)).exists()
    assert Token.objects.alive().filter(digest=digest_of(cast.token)).exists() is alive


@pytest.mark.parametrize("grace", ["", "-1", "604801", "9" * 5000, "x"])
def test_a_grace_that_cannot_be_chosen_rotates_nothing(cast: Cast, alice: Client, grace: str) -> None:
    before = everything()
    page = alice.post(path(cast, "token/rotate/"), {"grace_seconds": grace})
    assert (page.status_code, set(page.context["grace"].errors)) == (400, {"grace_seconds"})
    assert everything() == before


def test_deleting_says_until_when_an_operator_can_undo_it(cast: Cast, alice: Client) -> None:
    asks = alice.get(path(cast)).content.decode()
    after = alice.post(path(cast, "delete/"), follow=True).content.decode()
    assert ["an operator can bring it back" in " ".join(text.split()).lower() for text in (asks, after)] == [True, True]
    assert (str(cast.account.pk) in after, alice.get(path(cast)).status_code) == (True, 404)


def test_bob_sees_nothing_that_he_may_not_do(cast: Cast) -> None:
    text = sign_in(cast.bob).get(path(cast)).content.decode()
    actions = [path(cast, below) for below in ("token/", "token/rotate/", "delete/", "export/", "history/")]
    assert [action for action in actions if action in text] == []
    assert 'name="account_name"' in text


@pytest.mark.parametrize("below", ["token/", "token/rotate/", "delete/"])
def test_who_was_signed_out_meanwhile_signs_in_and_is_asked_again(cast: Cast, alice: Client, below: str) -> None:
    before = everything()
    away = Client().post(path(cast, below))
    assert away["Location"] == f"/user/login/?next={path(cast, below)}"
    back = alice.get(path(cast, below), follow=True)
    assert (back.redirect_chain[-1][0], "Nothing was done" in back.content.decode()) == (path(cast), True)
    assert everything() == before


def test_an_export_is_started_shown_and_downloaded(cast: Cast, alice: Client) -> None:
    assert alice.post(path(cast, "export/")).status_code == 302
    assert "running" in alice.get(path(cast, "export/")).content.decode()
    download = path(cast, f"export/{Export.objects.get().pk}/data/")
    assert alice.get(download)["Location"] == path(cast, "export/")
    while write_exports():
        pass
    assert download in alice.get(path(cast, "export/")).content.decode()
    answer = alice.get(download)
    assert (answer["Content-Type"], "no-store" in answer["Cache-Control"]) == ("application/x-ndjson", True)
    assert b"Northwind" in b"".join(answer)


def test_a_second_export_beside_a_running_one_is_refused_in_words(cast: Cast, alice: Client) -> None:
    alice.post(path(cast, "export/"))
    page = alice.post(path(cast, "export/"))
    assert (page.status_code, "One is being written" in page.content.decode()) == (409, True)
    assert Export.objects.count() == 1
