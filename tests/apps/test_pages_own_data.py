"""A person's own data: taken with them, and deleted."""

from typing import Any

import pytest
from django.test import Client

from apps.accounts.models import Member
from apps.users.models import User
from tests.browsing import everything, sign_in, stands_anywhere
from tests.cast import PASSWORD, Cast
from tests.rest import Rest

PATH = "/user/data/"


def leave(client: Client, password: str = PASSWORD) -> Any:
    return client.post(PATH, {"password": password})


def test_the_file_is_what_rest_answers(cast: Cast) -> None:
    alice, rest = sign_in(cast.alice), Rest(cast.alice)
    assert f'href="{PATH}export/" download' in alice.get(PATH).content.decode()
    answer = alice.get(f"{PATH}export/")
    assert answer.json() == rest.get("auth/me/export/").body
    assert "no-store" in answer["Cache-Control"]
    assert answer["Content-Disposition"] == 'attachment; filename="data-pusher-me.json"'
    assert cast.bob.email not in answer.content.decode()


def test_who_is_deleted_is_told_so_and_is_nowhere(cast: Cast) -> None:
    here, there, rest = sign_in(cast.bob), sign_in(cast.bob), Rest(cast.bob)
    after = here.post(PATH, {"password": PASSWORD}, follow=True)
    assert (after.redirect_chain, "You are deleted" in after.content.decode()) == ([("/", 302)], True)
    assert [client.get(PATH).status_code for client in (here, there)] == [302, 302]
    assert rest.get("auth/me/").status == 401
    assert not Member.objects.filter(user=cast.bob).exists()
    assert not User.objects.get(pk=cast.bob.pk).is_active
    assert not stands_anywhere(cast.bob.email)


@pytest.mark.parametrize("password", ["", "wrong", "x" * 5000])
def test_without_the_password_nobody_is_deleted(cast: Cast, password: str) -> None:
    bob, before = sign_in(cast.bob), everything()
    page = leave(bob, password)
    assert (page.status_code, set(page.context["form"].errors)) == (400, {"password"})
    text = page.content.decode()
    assert ('aria-describedby="id_password_error"' in text, '<details class="confirm" open>' in text) == (True, True)
    assert everything() == before
    assert bob.get(PATH).status_code == 200


def test_the_last_admin_stays_and_is_told_of_which_account(cast: Cast) -> None:
    alice, before = sign_in(cast.alice), everything()
    page = leave(alice)
    (said,) = page.context["form"].errors["password"]
    assert (page.status_code, "Northwind" in said, "last Admin" in said) == (409, True, True)
    assert everything() == before
    assert alice.get(PATH).status_code == 200


def test_the_password_is_not_guessed_for_long(cast: Cast) -> None:
    bob = sign_in(cast.bob)
    before = everything()
    assert [leave(bob, "wrong").status_code for _ in range(6)] == [400] * 5 + [429]
    assert leave(bob).status_code == 429
    assert everything() == before


def test_neither_another_site_nor_somebody_signed_out_deletes_anybody(cast: Cast) -> None:
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(cast.bob)
    before = everything()
    assert (leave(strict).status_code, leave(Client()).status_code) == (403, 302)
    assert Client().get(f"{PATH}export/")["Location"] == f"/user/login/?next={PATH}export/"
    assert everything() == before
