"""Second factors over REST; how often one may ask; what is over goes."""

from datetime import timedelta

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal.auth import (
    TOTP,
    format_hotp_value,
    generate_totp_secret,
    hotp_value,
    yield_hotp_counters_from_time,
)
from django.conf import LazySettings
from django.core import mail
from django.utils import timezone

from apps.users import services
from apps.users.models import SignIn
from tests.browsing import stands_anywhere
from tests.cast import PASSWORD, Cast
from tests.rest import Answer, Rest
from tests.together import together


@pytest.fixture
def secret(cast: Cast) -> str:
    """Alice's second factor."""
    made = str(generate_totp_secret())
    TOTP.activate(cast.alice, made)
    return made


def code_of(secret: str) -> str:
    return str(format_hotp_value(hotp_value(secret, list(yield_hotp_counters_from_time())[1])))


def log_in(code: str = "", password: str = PASSWORD) -> Answer:
    return Rest().post("auth/login/", {"email": "alice@example.com", "password": password, "mfa_code": code})


def test_a_code_is_asked_for_only_after_the_right_password(secret: str) -> None:
    assert (log_in().status, log_in().body["code"]) == (401, "mfa_required")
    assert log_in(password="wrong").body["code"] == "unauthenticated"
    assert log_in(code_of(secret), password="wrong").status == 401
    assert not SignIn.objects.exists()


def test_with_the_code_the_sign_in_succeeds_and_the_code_works_once(secret: str) -> None:
    code = code_of(secret)
    assert log_in(code).status == 200
    assert (log_in(code).status, log_in(code).body["code"]) == (401, "mfa_code_wrong")


def test_a_recovery_code_works_once_even_at_once(cast: Cast, secret: str) -> None:
    code = RecoveryCodes.activate(cast.alice).get_unused_codes()[0]
    answers = together(3, lambda _: log_in(code).status)
    assert sorted(map(str, answers)) == ["200", "401", "401"]
    assert len(RecoveryCodes.activate(cast.alice).get_unused_codes()) == 9


@pytest.mark.parametrize("code", ["000000x", "١٢٣٤٥٦", "\x00", "9" * 64], ids=["letters", "arabic", "nul", "long"])
def test_a_code_that_cannot_be_is_no_error(secret: str, code: str) -> None:
    assert log_in(code).status in {400, 401}


def test_codes_are_not_guessed_for_long(secret: str) -> None:
    assert [log_in("wrong").status for _ in range(6)] == [401] * 5 + [429]
    late = log_in(code_of(secret))
    assert (late.status, "retry-after" in late.headers) == (429, True)


def test_the_secret_of_a_second_factor_stands_only_encrypted(cast: Cast, secret: str) -> None:
    RecoveryCodes.activate(cast.alice)
    assert not stands_anywhere(secret)
    assert Authenticator.objects.count() == 2


def test_passwords_are_not_guessed_for_long(cast: Cast) -> None:
    assert [log_in(password="wrong").status for _ in range(6)] == [401] * 5 + [429]
    assert log_in().status == 429


def test_registering_a_known_e_mail_sends_a_mail_too(cast: Cast, settings: LazySettings) -> None:
    settings.ACCOUNT_EMAIL_VERIFICATION = "mandatory"
    answers = [
        Rest().post("auth/register/", {"email": email, "password": "a long sentence"})
        for email in ("alice@example.com", "nobody@example.com", "nobody@example.com")
    ]
    assert [(each.status, set(each.body["data"])) for each in answers] == [(201, {"email"})] * 3
    assert [each.to for each in mail.outbox] == [["alice@example.com"], ["nobody@example.com"]]  # one in 3 minutes


def test_a_user_calls_as_often_as_the_rate_allows(cast: Cast, settings: LazySettings) -> None:
    settings.API_RATE = 3
    alice, bob = Rest(cast.alice), Rest(cast.bob)
    assert [alice.get("auth/me/").status for _ in range(4)] == [200, 200, 200, 429]
    refused = alice.post("accounts/", {"account_name": "A"})
    assert (refused.body["code"], 1 <= int(refused.headers["retry-after"]) <= 60) == ("throttled", True)
    assert bob.get("auth/me/").status == 200


def test_sign_ins_that_are_over_are_forgotten_a_thousand_at_a_time(cast: Cast) -> None:
    now = timezone.now()
    alive = Rest(cast.alice)
    over = {"user": cast.alice, "refresh_id": cast.alice.pk, "password_mark": "x"}
    ended = [SignIn(ended_at=now, expires_at=now + timedelta(days=1), **over) for _ in range(700)]
    expired = [SignIn(expires_at=now - timedelta(days=1), **over) for _ in range(700)]
    SignIn.objects.bulk_create(ended + expired)
    assert [services.forget_ended_sign_ins() for _ in range(3)] == [1000, 400, 0]
    assert alive.get("auth/me/").status == 200
