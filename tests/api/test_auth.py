"""Register, log in, refresh, log out: each token works once, for as long as it should."""

from collections import Counter
from datetime import timedelta

import pytest
from django.conf import LazySettings
from django.utils import timezone

from apps.users import tokens
from apps.users.models import SignIn, User
from apps.users.selectors import bearer_of
from tests.cast import PASSWORD, Cast
from tests.rest import Answer, Rest
from tests.together import together


def log_in(email: str, password: str) -> Answer:
    return Rest().post("auth/login/", {"email": email, "password": password})


def me(access: str) -> int:
    return Rest().get("auth/me/", Authorization=f"Bearer {access}").status


def test_who_registers_can_log_in(store: None) -> None:
    answer = Rest().post("auth/register/", {"email": "Dora@Example.com", "password": "a long sentence"})
    assert (answer.status, answer.body["data"]) == (201, {"email": "dora@example.com"})
    pair = log_in("DORA@example.com", "a long sentence").body["data"]
    assert me(pair["access"]) == 200
    assert User.objects.get(email="dora@example.com").created_by.email == "dora@example.com"


def test_registering_a_known_email_answers_the_same_and_changes_nothing(cast: Cast) -> None:
    answer = Rest().post("auth/register/", {"email": "Alice@example.com", "password": "another sentence"})
    assert (answer.status, answer.body["data"]) == (201, {"email": "alice@example.com"})
    assert log_in("alice@example.com", "another sentence").status == 401
    assert log_in("alice@example.com", PASSWORD).status == 200


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"email": "nonsense", "password": "a long sentence"}, "email"),
        ({"email": "d@example.com", "password": "short"}, "password"),
        ({"email": "d@example.com", "password": "password"}, "password"),
        ({"email": "d@example.com"}, "password"),
        ({"email": "a" * 250 + "@example.com", "password": "a long sentence"}, "email"),
    ],
)
def test_bad_registrations_name_the_field(store: None, body: dict[str, str], field: str) -> None:
    before = User.objects.count()
    answer = Rest().post("auth/register/", body)
    assert (answer.status, list(answer.body["details"])) == (400, [field])
    assert User.objects.count() == before


def test_nobody_registers_where_registration_is_by_invitation(store: None, settings: LazySettings) -> None:
    settings.REGISTRATION = "invite"
    assert Rest().post("auth/register/", {"email": "d@example.com", "password": "a long sentence"}).status == 403


@pytest.mark.parametrize("email", ["alice@example.com", "nobody@example.com"])
def test_a_wrong_password_and_an_unknown_email_answer_alike(cast: Cast, email: str) -> None:
    answer = log_in(email, "wrong")
    assert (answer.status, answer.body["message"], answer.body["code"]) == (401, "Unauthenticated", "unauthenticated")


def test_an_email_that_is_not_proved_is_told_only_after_the_right_password(cast: Cast, settings: LazySettings) -> None:
    settings.ACCOUNT_EMAIL_VERIFICATION = "mandatory"
    assert log_in("alice@example.com", PASSWORD).body["code"] == "email_unverified"
    assert log_in("alice@example.com", "wrong").body["code"] == "unauthenticated"


def test_a_used_refresh_token_ends_the_chain(cast: Cast) -> None:
    first = log_in("alice@example.com", PASSWORD).body["data"]
    second = Rest().post("auth/refresh/", {"refresh": first["refresh"]}).body["data"]
    assert me(second["access"]) == 200
    assert Rest().post("auth/refresh/", {"refresh": first["refresh"]}).status == 401
    assert me(second["access"]) == me(first["access"]) == 401
    assert Rest().post("auth/refresh/", {"refresh": second["refresh"]}).status == 401


def test_overlapping_refreshes_let_one_pass_at_most_and_end_the_chain(cast: Cast) -> None:
    pair = log_in("alice@example.com", PASSWORD).body["data"]
    answers = together(4, lambda _: Rest().post("auth/refresh/", {"refresh": pair["refresh"]}).status)
    assert Counter(answers) == {200: 1, 401: 3}
    assert SignIn.objects.get().ended_at is not None


def test_log_out_ends_access_and_refresh_at_once(cast: Cast) -> None:
    rest = Rest(cast.alice)
    assert rest.pair is not None
    assert rest.post("auth/logout/", {"refresh": rest.pair.refresh}).status == 204
    assert rest.get("auth/me/").status == 401
    assert Rest().post("auth/refresh/", {"refresh": rest.pair.refresh}).status == 401


def test_a_new_password_ends_every_token(cast: Cast) -> None:
    rest = Rest(cast.alice)
    cast.alice.set_password("another sentence")
    cast.alice.save()
    assert rest.get("auth/me/").status == 401


def test_tokens_end_with_their_time_and_are_no_use_as_each_other(cast: Cast) -> None:
    rest = Rest(cast.alice)
    assert rest.pair is not None
    claims = tokens.decode("access", rest.pair.access)
    assert claims is not None
    old = tokens.encode("access", claims, user_id=cast.alice.pk, expires_at=timezone.now() - timedelta(seconds=1))
    assert bearer_of(old) is None
    assert bearer_of(rest.pair.refresh) is None
    assert Rest().post("auth/refresh/", {"refresh": rest.pair.access}).status == 401


def test_me_shows_no_secret(cast: Cast) -> None:
    body = Rest(cast.alice).get("auth/me/").body
    assert body["email"] == "alice@example.com"
    assert set(body) == {"id", "email", "created_at", "updated_at", "created_by", "updated_by"}
