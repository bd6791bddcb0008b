"""Signing up, in and out."""

from uuid import UUID

import pytest
from django.db import IntegrityError, transaction
from django.db.models import QuerySet
from django.test import Client
from pytest_django import Settings

from apps.users.models import ANONYMOUS_USER_ID, SYSTEM_USER_ID, User
from tests.cast import PASSWORD, Cast
from tests.together import together

SIGN_UP, SIGN_IN, SIGN_OUT = "/user/signup/", "/user/login/", "/user/logout/"


@pytest.fixture
def client(store: None) -> Client:
    return Client()


def sign_up(client: Client, email: str, password: str = PASSWORD) -> int:
    return client.post(SIGN_UP, {"email": email, "password1": password}).status_code


def sign_in(client: Client, email: str, password: str = PASSWORD) -> int:
    return client.post(SIGN_IN, {"login": email, "password": password}).status_code


def is_signed_in(client: Client) -> bool:
    return client.get("/accounts/new/").status_code == 200


def real_people() -> QuerySet[User]:
    return User.objects.exclude(pk__in=[SYSTEM_USER_ID, ANONYMOUS_USER_ID])


def people() -> int:
    return real_people().count()


def test_who_signs_up_made_themself_and_can_sign_in(client: Client) -> None:
    assert sign_up(client, "Ada@Example.COM") == 302
    ada = real_people().get()
    assert (ada.email, ada.created_by, ada.updated_by) == ("ada@example.com", ada, ada)
    assert sign_in(client, "ada@example.com") == 302
    assert client.get("/")["Location"] == "/accounts/new/"


@pytest.mark.parametrize("email", ["alice@example.com", "ALICE@example.com", "nobody@example.com"])
def test_signing_up_answers_alike_for_a_known_and_an_unknown_e_mail(client: Client, cast: Cast, email: str) -> None:
    answer = client.post(f"{SIGN_UP}?next=/accounts/new/", {"email": email, "password1": "another horse battery"})
    assert (answer.status_code, answer["Location"]) == (302, "/user/login/?next=%2Faccounts%2Fnew%2F")
    assert b"Sign in to go on." in client.get(answer["Location"]).content
    assert not is_signed_in(client)
    assert people() == 3 + (email == "nobody@example.com")
    assert sign_in(client, "alice@example.com", PASSWORD) == 302


def test_of_sign_ups_at_once_one_makes_the_person_and_all_answer_alike(client: Client) -> None:
    assert together(4, lambda _: sign_up(Client(), "ada@example.com")) == [302] * 4
    assert people() == 1


@pytest.mark.parametrize(
    ("email", "password"),
    [
        ("", PASSWORD),
        ("ada", PASSWORD),
        (f"{'a' * 250}@example.com", PASSWORD),
        ("ada@example.com", ""),
        ("ada@example.com", "x" * 7),
        ("ada@example.com", "password1"),
        ("ada@example.com", "ada@example.com"),
    ],
)
def test_a_bad_e_mail_or_password_makes_nobody(client: Client, email: str, password: str) -> None:
    assert sign_up(client, email, password) == 200
    assert people() == 0


def test_where_people_are_only_invited_nobody_signs_up(client: Client, settings: Settings) -> None:
    settings.REGISTRATION = "invite"
    page = client.get(SIGN_UP)
    assert b"password1" not in page.content
    sign_up(client, "ada@example.com")
    assert people() == 0
    assert not is_signed_in(client)


@pytest.mark.parametrize("email", ["alice@example.com", "ALICE@Example.com", " alice@example.com "])
def test_signing_in_leads_to_the_live_page(client: Client, cast: Cast, email: str) -> None:
    assert sign_in(client, email) == 302
    assert client.get("/")["Location"] == f"/accounts/{cast.account.pk}/live/"


def test_signing_in_goes_on_to_where_one_was_headed(client: Client, cast: Cast) -> None:
    answer = client.post(f"{SIGN_IN}?next=/accounts/new/", {"login": "alice@example.com", "password": PASSWORD})
    assert answer["Location"] == "/accounts/new/"


@pytest.mark.parametrize("target", ["https://evil.example/", "//evil.example/", "javascript:alert(1)"])
def test_signing_in_never_leads_away_from_here(client: Client, cast: Cast, target: str) -> None:
    credentials = {"login": "alice@example.com", "password": PASSWORD, "next": target}
    assert client.post(SIGN_IN, credentials)["Location"] == "/"


@pytest.mark.parametrize(("email", "password"), [("alice@example.com", "wrong"), ("nobody@example.com", PASSWORD)])
def test_a_wrong_password_and_an_unknown_e_mail_look_the_same(client: Client, cast: Cast, email: str, password: str) -> None:
    answer = client.post(SIGN_IN, {"login": email, "password": password})
    assert answer.context["form"].non_field_errors() == ["The email address and/or password you specified are not correct."]
    assert not is_signed_in(client)


@pytest.mark.parametrize("user_id", [SYSTEM_USER_ID, ANONYMOUS_USER_ID], ids=["system", "anonymous"])
@pytest.mark.parametrize("password", [PASSWORD, "", "!", "system"])
def test_nobody_signs_in_as_the_system_or_the_anonymous_user(client: Client, password: str, user_id: UUID) -> None:
    system = User.objects.get(pk=user_id)
    assert sign_in(client, system.email, password) == 200
    assert not is_signed_in(client)
    system.refresh_from_db()
    assert (system.is_active, system.has_usable_password(), system.last_login) == (False, False, None)


def test_who_was_deactivated_does_not_sign_in(client: Client, cast: Cast) -> None:
    User.objects.filter(pk=cast.alice.pk).update(is_active=False)
    sign_in(client, "alice@example.com")
    assert not is_signed_in(client)


def test_signing_out_takes_a_post(client: Client, cast: Cast) -> None:
    sign_in(client, "alice@example.com")
    assert client.get(SIGN_OUT).status_code == 200
    assert is_signed_in(client)
    assert client.post(SIGN_OUT)["Location"] == "/"
    assert not is_signed_in(client)


def test_an_e_mail_stands_in_lower_case_whoever_writes_it(cast: Cast) -> None:
    with pytest.raises(IntegrityError, match="user_email_is_lower_case"), transaction.atomic():
        User.objects.filter(pk=cast.alice.pk).update(email="Alice@example.com")
    assert User.objects.get(pk=cast.alice.pk).email == "alice@example.com"
