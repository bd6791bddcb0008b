"""Accounts, their tokens and roles."""

import pytest
from django.db import IntegrityError, transaction
from pytest_django import Settings

from apps.accounts.models import Account, Member, Role, Token
from apps.accounts.selectors import membership
from apps.accounts.services import create_account, delete_account, digest_of
from apps.common.errors import LimitReached, NotAllowed
from apps.users.models import User
from tests.browsing import everything, sign_in, stands_anywhere
from tests.cast import PASSWORD, Cast
from tests.together import together

NEW = "/accounts/new/"


def test_who_creates_an_account_is_its_admin_and_sees_its_token_once(cast: Cast) -> None:
    client = sign_in(cast.alice)
    answer = client.post(NEW, {"account_name": "  Fabrikam ", "website": "https://fabrikam.example"})
    account = Account.objects.get(account_name="Fabrikam")
    token = answer.context["token"]
    assert (answer.status_code, answer.content.decode().count(f'<pre id="token">{token}</pre>')) == (201, 1)
    assert "no-store" in answer["Cache-Control"]
    assert (account.website, account.created_by, account.updated_by) == ("https://fabrikam.example", cast.alice, cast.alice)
    assert account.members.get().role.role_name == Role.ADMIN
    for path in ("/", NEW, f"/accounts/{account.pk}/live/"):
        assert token not in client.get(path, follow=True).content.decode()


def test_a_token_stands_only_encrypted_and_as_its_digest(cast: Cast) -> None:
    token = sign_in(cast.alice).post(NEW, {"account_name": "Fabrikam"}).context["token"]
    stored = Token.objects.get(account__account_name="Fabrikam")
    assert (bytes(stored.digest), stored.secret, stored.expires_at) == (digest_of(token), token, None)
    assert stands_anywhere("Fabrikam")
    assert not stands_anywhere(token)


def test_every_account_has_a_token_of_its_own(cast: Cast) -> None:
    tokens = {create_account(by=cast.alice, account_name=f"A{number}")[1] for number in range(5)}
    assert len(tokens) == 5
    assert all(token.startswith("dp_") and len(token) >= 46 for token in tokens)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("account_name", ""),
        ("account_name", "   "),
        ("account_name", "x" * 201),
        ("account_name", "a\x00b"),
        ("account_name", "a\x1bb"),
        ("website", "no address"),
        ("website", "ftp://fabrikam.example"),
        ("website", "javascript:alert(1)"),
        ("website", f"https://fabrikam.example/{'x' * 2048}"),
    ],
)
def test_a_bad_field_is_named_and_nothing_is_made(cast: Cast, field: str, value: str) -> None:
    client, before = sign_in(cast.alice), everything()
    answer = client.post(NEW, {"account_name": "Fabrikam"} | {field: value})
    assert (answer.status_code, list(answer.context["form"].errors)) == (400, [field])
    assert answer.context["form"].errors[field][0] in answer.content.decode().replace("&#x27;", "'")
    assert everything() == before


def test_an_account_too_many_is_refused_naming_the_limit(cast: Cast, settings: Settings) -> None:
    settings.MAX_ACCOUNTS_PER_USER = 1
    client, before = sign_in(cast.alice), everything()
    answer = client.post(NEW, {"account_name": "Fabrikam"})
    assert answer.status_code == 409
    assert "MAX_ACCOUNTS_PER_USER" in answer.content.decode()
    assert everything() == before


def test_a_deleted_account_makes_room_for_another(cast: Cast, settings: Settings) -> None:
    settings.MAX_ACCOUNTS_PER_USER = 1
    delete_account(by=cast.admin)
    assert sign_in(cast.alice).post(NEW, {"account_name": "Fabrikam"}).status_code == 201


def test_creations_at_once_do_not_exceed_the_limit(cast: Cast, settings: Settings) -> None:
    settings.MAX_ACCOUNTS_PER_USER = 3
    outcomes = together(6, lambda number: create_account(by=cast.alice, account_name=f"A{number}"))
    refused = [outcome for outcome in outcomes if isinstance(outcome, LimitReached)]
    assert (Account.objects.filter(created_by=cast.alice).count(), len(refused)) == (3, 4)


def test_the_form_needs_a_signed_in_person(cast: Cast) -> None:
    client, before = sign_in(cast.alice), everything()
    client.logout()
    assert client.post(NEW, {"account_name": "Fabrikam"})["Location"] == f"/user/login/?next={NEW}"
    assert everything() == before


def test_the_switcher_lists_ones_own_accounts_by_name(cast: Cast) -> None:
    create_account(by=cast.alice, account_name="Adatum")
    gone, _ = create_account(by=cast.alice, account_name="Gone")
    delete_account(by=membership(cast.alice, gone.pk))
    page = sign_in(cast.alice).get(f"/accounts/{cast.account.pk}/live/")
    assert [account.account_name for account in page.context["accounts"]] == ["Adatum", "Northwind"]
    page = sign_in(cast.bob).get(f"/accounts/{cast.account.pk}/live/")
    assert [account.account_name for account in page.context["accounts"]] == ["Northwind"]


def test_who_came_only_by_invitation_makes_no_accounts(cast: Cast) -> None:
    User.objects.filter(pk=cast.bob.pk).update(created_by=cast.alice)
    client, before = sign_in(cast.bob), everything()
    assert client.get(NEW).status_code == 403
    assert client.post(NEW, {"account_name": "Fabrikam"}).status_code == 403
    with pytest.raises(NotAllowed):
        create_account(by=User.objects.get(pk=cast.bob.pk), account_name="Fabrikam")
    assert everything() == before


def test_who_was_invited_and_became_admin_may(cast: Cast) -> None:
    User.objects.filter(pk=cast.bob.pk).update(created_by=cast.alice)
    Member.objects.filter(user=cast.bob).update(role=Role.objects.get(role_name=Role.ADMIN))
    assert sign_in(cast.bob).post(NEW, {"account_name": "Fabrikam"}).status_code == 201


def test_there_are_two_roles(store: None) -> None:
    assert dict(Role.objects.values_list("id", "role_name")) == {1: "Admin", 2: "Normal user"}


@pytest.mark.parametrize(("number", "name"), [(3, "Owner"), (3, "Admin"), (0, "Normal user"), (1, "Owner"), (2, "admin")])
def test_no_third_role_can_be_made(store: None, number: int, name: str) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        Role.objects.bulk_create([Role(id=number, role_name=name)])
    with pytest.raises(IntegrityError), transaction.atomic():
        Role.objects.filter(id=1).update(id=number, role_name=name)
    assert dict(Role.objects.values_list("id", "role_name")) == {1: "Admin", 2: "Normal user"}


def test_an_account_has_one_current_token(cast: Cast) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        Token.objects.create(account=cast.account, digest=digest_of("second"), secret="second")
    assert Token.objects.get(account=cast.account).secret == cast.token


def test_a_token_belongs_to_one_account(cast: Cast) -> None:
    Token.objects.filter(account=cast.other).delete()
    with pytest.raises(IntegrityError), transaction.atomic():
        Token.objects.create(account=cast.other, digest=digest_of(cast.token), secret=cast.token)
    assert not Token.objects.filter(account=cast.other).exists()


def test_a_person_has_one_place_in_an_account(cast: Cast) -> None:
    admin = Role.objects.get(role_name=Role.ADMIN)
    with pytest.raises(IntegrityError), transaction.atomic():
        Member.objects.create(account=cast.account, user=cast.bob, role=admin, created_by=cast.bob, updated_by=cast.bob)
    assert cast.normal_user.role.role_name == Role.NORMAL_USER


@pytest.mark.parametrize("change", [{"account_name": ""}, {"ingest_rate": 0}])
def test_an_account_keeps_its_name_and_a_rate_above_nothing(cast: Cast, change: dict[str, object]) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        Account.objects.filter(pk=cast.account.pk).update(**change)
    cast.account.refresh_from_db()
    assert (cast.account.account_name, cast.account.ingest_rate) == ("Northwind", None)


def test_a_password_stands_nowhere(cast: Cast) -> None:
    assert not stands_anywhere(PASSWORD)
