"""What a person may do with what is kept of them."""

import pytest
from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import TOTP, generate_totp_secret

from apps.accounts.models import Account, Member
from apps.accounts.services import create_account, delete_account
from apps.common.models import stamped_models
from apps.users.models import ANONYMOUS_USER_ID, SignIn, User
from apps.users.services import sign_in as start
from tests.browsing import everything, sign_in, stands_anywhere
from tests.cast import PASSWORD, Cast
from tests.rest import Answer, Rest

NEW_PASSWORD = "quite another sentence"


def log_in(email: str, password: str) -> Answer:
    return Rest().post("auth/login/", {"email": email, "password": password})


def test_a_new_password_ends_every_other_sign_in(cast: Cast) -> None:
    rest, other, browser = Rest(cast.alice), Rest(cast.alice), sign_in(cast.alice)
    changed = rest.patch("auth/me/", {"password": NEW_PASSWORD, "current_password": PASSWORD})
    assert (changed.status, changed.body["data"]["email"]) == (200, cast.alice.email)
    assert (rest.get("auth/me/").status, other.get("auth/me/").status) == (200, 401)
    assert browser.get("/accounts/new/").status_code == 302
    assert (log_in(cast.alice.email, PASSWORD).status, log_in(cast.alice.email, NEW_PASSWORD).status) == (401, 200)


def test_a_browser_changes_the_password_and_stays_signed_in(cast: Cast) -> None:
    browser = sign_in(cast.alice)
    body = {"password": NEW_PASSWORD, "current_password": PASSWORD}
    assert browser.patch("/api/v1/auth/me/", body, content_type="application/json").status_code == 200
    assert browser.get("/accounts/new/").status_code == 200


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"password": NEW_PASSWORD}, "current_password"),
        ({"password": NEW_PASSWORD, "current_password": "wrong"}, "current_password"),
        ({"password": "short", "current_password": PASSWORD}, "password"),
        ({"password": "alice@example.com", "current_password": PASSWORD}, "password"),
        ({"email": "other@example.com"}, "email"),
        ({"is_staff": True}, "is_staff"),
    ],
    ids=str,
)
def test_what_may_not_be_is_named_and_changes_nothing(cast: Cast, body: dict[str, object], field: str) -> None:
    rest = Rest(cast.alice)
    before = everything()
    answer = rest.patch("auth/me/", body)
    assert (answer.status, list(answer.body["details"])) == (400, [field])
    assert everything() == before


def test_what_get_gave_can_be_sent_back(cast: Cast) -> None:
    rest = Rest(cast.alice)
    assert rest.patch("auth/me/", rest.get("auth/me/").body).status == 200


def test_the_present_password_is_not_guessed_for_long(cast: Cast) -> None:
    rest, body = Rest(cast.alice), {"password": NEW_PASSWORD, "current_password": "wrong"}
    assert [rest.patch("auth/me/", body).status for _ in range(6)] == [400] * 5 + [429]


def test_who_erases_themself_is_nowhere(cast: Cast) -> None:
    TOTP.activate(cast.bob, generate_totp_secret())
    EmailAddress.objects.create(user=cast.bob, email=cast.bob.email, verified=True)
    rest, browser, bobs = Rest(cast.bob), sign_in(cast.bob), User.objects.get(pk=cast.bob.pk)
    assert rest.delete("auth/me/").status == 204
    assert rest.get("auth/me/").status == log_in(cast.bob.email, PASSWORD).status == 401
    assert browser.get("/accounts/new/").status_code == 302
    assert not Member.objects.filter(user=bobs).exists() | SignIn.objects.filter(user=bobs).exists()
    assert not Authenticator.objects.exists() | EmailAddress.objects.exists()
    bobs.refresh_from_db()
    assert (bobs.is_active, bobs.has_usable_password(), bobs.last_login) == (False, False, None)
    assert not stands_anywhere(cast.bob.email)


def test_the_stamps_of_who_is_erased_become_the_anonymous_users(cast: Cast) -> None:
    destination = cast.destination("http://127.0.0.1:2/hook")
    Member.objects.filter(pk=cast.normal_user.pk).update(role=1)
    cast.account.refresh_from_db()
    assert Rest(cast.alice).delete("auth/me/").status == 204
    stamps = [
        model.objects.filter(pk=pk).values_list("created_by", "updated_by").get()
        for model, pk in (
            (Account, cast.account.pk),
            (type(destination), destination.pk),
            (Member, cast.normal_user.pk),
            (User, cast.alice.pk),
        )
    ]
    assert set(stamps) == {(ANONYMOUS_USER_ID, ANONYMOUS_USER_ID)}
    for model in stamped_models():
        assert not model._default_manager.filter(created_by=cast.alice).exists()
        assert not model._default_manager.filter(updated_by=cast.alice).exists()


def test_more_stamps_than_a_statement_takes(cast: Cast) -> None:
    people = [User.objects.new(f"{number}@many.example") for number in range(1100)]
    for each in people:
        each.created_by = each.updated_by = cast.bob
    User.objects.bulk_create(people)
    assert Rest(cast.bob).delete("auth/me/").status == 204
    assert User.objects.filter(created_by=ANONYMOUS_USER_ID, email__endswith="many.example").count() == 1100


def test_the_last_admin_of_an_account_is_not_erased(cast: Cast) -> None:
    rest = Rest(cast.alice)
    before = everything()
    answer = rest.delete("auth/me/")
    assert (answer.status, answer.body["message"]) == (409, "Conflict")
    assert everything() == before
    delete_account(by=cast.admin)
    assert rest.delete("auth/me/").status == 204


def test_ones_own_data_without_secrets(cast: Cast) -> None:
    create_account(by=cast.alice, account_name="Second")
    TOTP.activate(cast.alice, secret := generate_totp_secret())
    start(user=cast.alice, user_agent="curl/8")
    rest = Rest(cast.alice)
    answer = rest.get("auth/me/export/")
    body = answer.body
    assert (answer.status, answer.headers["cache-control"]) == (200, "no-store")
    assert set(body) == {"user", "memberships", "sign_ins", "browsers", "second_factors"}
    assert (body["user"]["email"], [each["account_name"] for each in body["memberships"]]) == (
        cast.alice.email,
        ["Northwind", "Second"],
    )
    assert [each["user_agent"] for each in body["sign_ins"]] == ["curl/8", ""]
    assert not [word for word in (secret, "argon2", "md5$", "password", "refresh_id", cast.bob.email) if word in str(body)]
    assert Rest().get("auth/me/export/").status == 401
