"""From the mail of an invitation to a member who is in."""

import re
import socket
from email.message import EmailMessage
from smtplib import SMTPServerDisconnected
from typing import Any
from unittest.mock import patch

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.handlers import Message as Handler
from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import TOTP, generate_totp_secret
from django.conf import LazySettings
from django.core import mail
from django.test import Client

from apps.accounts import invitations, members
from apps.accounts.models import Account, Member
from apps.common.errors import TooMany
from apps.common.ids import uuid7
from apps.common.mail import plain
from apps.users.models import SignIn, User
from tests.browsing import everything, sign_in
from tests.cast import PASSWORD, Cast
from tests.mailing import mail_by
from tests.rest import Rest
from tests.together import together

NEW_PASSWORD = "quite another sentence"


def somebody() -> str:
    return f"{uuid7()}@example.com"


def invite(cast: Cast, email: str = "") -> Member:
    return members.add_member(by=cast.admin, role_id=2, email=email or somebody())


def body_and_page(message: Any) -> tuple[str, str]:
    """The plain and the HTML part."""
    ((page, kind),) = message.alternatives
    assert kind == "text/html"
    return message.body, page


def link_of(message: Any) -> str:
    """The path that the plain part leads to; the HTML part leads to the same."""
    body, page = body_and_page(message)
    (link,) = re.findall(r"^http\S+$", body, re.MULTILINE)
    assert f'href="{link}"' in page
    return str(link).removeprefix("http://127.0.0.1:8000")


def log_in(email: str, password: str) -> int:
    return Rest().post("auth/login/", {"email": email, "password": password}).status


def test_who_follows_the_link_chooses_a_password_and_is_in(cast: Cast, settings: LazySettings) -> None:
    settings.ACCOUNT_EMAIL_VERIFICATION = "mandatory"
    member = invite(cast)
    path = link_of(mail.outbox[0])
    assert Client().get(path).status_code == Client().get(path).status_code == 200
    assert Client().post(path, {"password": NEW_PASSWORD})["Location"] == "/user/login/"
    member.refresh_from_db()
    assert (member.state, member.version, member.updated_by) == ("active", 2, member.user)
    assert log_in(member.user.email, NEW_PASSWORD) == 200
    assert Rest(member.user).get(f"accounts/{cast.account.pk}/").status == 200
    assert Client().get(path).status_code == Client().post(path, {"password": PASSWORD}).status_code == 404


def test_without_a_mail_server_the_printed_link_works_too(cast: Cast) -> None:
    member = invite(cast)
    assert not member.trusted
    Client().post(link_of(mail.outbox[0]), {"password": NEW_PASSWORD})
    assert log_in(member.user.email, NEW_PASSWORD) == 200


def test_whoever_used_the_e_mail_before_is_out(cast: Cast, settings: LazySettings) -> None:
    settings.ACCOUNT_EMAIL_VERIFICATION = "mandatory"
    squatter = User.objects.create_user(somebody(), PASSWORD)
    rest, browser = Rest(squatter), sign_in(squatter)
    TOTP.activate(squatter, generate_totp_secret())
    EmailAddress.objects.create(user=squatter, email=somebody(), verified=True)
    invite(cast, squatter.email)
    Client().post(link_of(mail.outbox[0]), {"password": NEW_PASSWORD})
    assert rest.get("auth/me/").status == 401
    assert browser.get("/accounts/new/").status_code == 302
    assert not Authenticator.objects.exists()
    assert list(EmailAddress.objects.values_list("email", "verified")) == [(squatter.email, True)]
    assert (log_in(squatter.email, PASSWORD), log_in(squatter.email, NEW_PASSWORD)) == (401, 200)


def test_a_link_in_a_mail_gets_nobody_round_a_proved_persons_password_or_second_factor(cast: Cast) -> None:
    dora = User.objects.create_user(somebody(), PASSWORD)
    TOTP.activate(dora, generate_totp_secret())
    rest, member = Rest(dora), invite(cast, dora.email)
    Member.objects.filter(pk=member.pk).update(state="invited")
    page = Client().get(link_of(mail.outbox[0]))
    assert b'type="password"' not in page.content
    Client().post(link_of(mail.outbox[0]), {"password": NEW_PASSWORD})
    member.refresh_from_db()
    assert (member.state, Authenticator.objects.count(), rest.get("auth/me/").status) == ("active", 1, 200)
    assert log_in(dora.email, NEW_PASSWORD) == 401


def test_one_link_accepts_the_invitations_of_all_accounts(cast: Cast) -> None:
    first = invite(cast)
    other = Member.objects.select_related("role", "user").get(account=cast.other)
    members.add_member(by=other, role_id=1, email=first.user.email)
    Client().post(link_of(mail.outbox[1]), {"password": NEW_PASSWORD})
    assert set(Member.objects.filter(user=first.user).values_list("state", flat=True)) == {"active"}
    assert Client().get(link_of(mail.outbox[0])).status_code == 404


@pytest.mark.parametrize("password", ["", "short", "password1"])
def test_a_bad_password_changes_nothing(cast: Cast, password: str) -> None:
    invite(cast)
    before = everything()
    answer = Client().post(link_of(mail.outbox[0]), {"password": password})
    assert (answer.status_code, list(answer.context["form"].errors)) == (400, ["password"])
    assert everything() == before


@pytest.mark.parametrize("why", ["removed", "account deleted", "another e-mail", "deactivated", "tampered", "too old"])
def test_a_link_that_is_over_does_nothing(cast: Cast, why: str, monkeypatch: pytest.MonkeyPatch) -> None:
    member = invite(cast)
    path = link_of(mail.outbox[0])
    if why == "tampered":
        path = path.replace("/key/", "/key/x")
    if why == "too old":
        monkeypatch.setattr(invitations, "LASTS_DAYS", -1)
    if why == "removed":
        members.remove_member(by=cast.admin, member=member)
    if why == "account deleted":
        Account.objects.filter(pk=cast.account.pk).update(deleted_at="2026-01-01T00:00:00Z")
    if why in {"another e-mail", "deactivated"}:
        User.objects.filter(pk=member.user_id).update(email=somebody(), is_active=why != "deactivated")
    before = everything()
    assert Client().get(path).status_code == Client().post(path, {"password": NEW_PASSWORD}).status_code == 404
    assert everything() == before


def test_a_link_works_once_even_when_it_is_posted_twice_at_once(cast: Cast) -> None:
    invite(cast)
    path = link_of(mail.outbox[0])
    answers = together(4, lambda number: Client().post(path, {"password": f"{NEW_PASSWORD} {number}"}).status_code)
    assert sorted(map(str, answers)) == ["302", "404", "404", "404"]


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("Northwind", "Northwind"),
        ("St. Mary's & Sons, Inc.", "St. Mary's & Sons, Inc."),
        ("https://evil.example/a?b", "https evil example a?b"),
        ("Win: www.evil.com now", "Win: evil com now"),
        ("evil\u3002com \uff45vil\uff0ecom a@b.com", "evil com evil com a b com"),
        ("a\u202eb\u200bc\u2028d", "a b c d"),
        ("x" * 200, "x" * 60),
        ("\u200b\u202e", ""),
        ("Awwwards", "Awwwards"),
    ],
)
def test_an_accounts_name_is_plain_text_in_a_mail(name: str, shown: str) -> None:
    assert plain(name) == shown


def test_nothing_in_a_mail_or_page_is_injected(cast: Cast) -> None:
    Account.objects.filter(pk=cast.account.pk).update(account_name="<b>{{ link }}</b>&\r\nBcc: x@evil.com")
    invite(cast)
    message = mail.outbox[0].message()
    text, page = body_and_page(mail.outbox[0])
    assert message["Bcc"] is None
    assert "<b>{{ link }}< b>&" in text.replace("  ", " ")
    assert ("<b>" in page, "&lt;b&gt;{{ link }}" in page, "evil.com" in page + text) == (False, True, False)
    assert b"&lt;b&gt;" in Client().get(link_of(mail.outbox[0])).content


def test_an_account_invites_twenty_people_a_day(cast: Cast) -> None:
    for _ in range(20):
        invite(cast)
    before = everything()
    answer = Rest(cast.alice).post("members/", {"account_id": str(cast.account.pk), "email": somebody(), "role_id": 2})
    assert (answer.status, answer.body["message"]) == (429, "Too Many Requests")
    assert 86_000 < int(answer.headers["retry-after"]) <= 86_400
    assert everything()["accounts_member"] == before["accounts_member"]
    assert len(mail.outbox) == 20


def test_an_address_is_invited_five_times_a_day(cast: Cast) -> None:
    email = somebody()
    for _ in range(5):
        members.remove_member(by=cast.admin, member=invite(cast, email))
    with pytest.raises(TooMany):
        invite(cast, email)
    assert len(mail.outbox) == 5


@pytest.mark.parametrize("error", [OSError("down"), SMTPServerDisconnected("gone")], ids=["network", "server"])
def test_a_mail_server_that_fails_costs_the_mail_alone(cast: Cast, error: Exception) -> None:
    with patch("django.core.mail.EmailMultiAlternatives.send", side_effect=error):
        answer = Rest(cast.alice).post("members/", {"account_id": str(cast.account.pk), "email": somebody(), "role_id": 2})
    assert answer.status == 201
    assert Member.objects.filter(pk=answer.body["data"]["id"], state="invited").exists()


class Mailbox(Handler):
    def __init__(self) -> None:
        super().__init__()
        self.came: list[EmailMessage] = []

    def handle_message(self, message: Any) -> None:
        self.came.append(message)


def test_a_real_mail_server_takes_it_with_both_parts(cast: Cast, settings: LazySettings) -> None:
    mailbox = Mailbox()
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    server = Controller(mailbox, hostname="127.0.0.1", port=port)
    server.start()
    mail_by(settings, "django.core.mail.backends.smtp.EmailBackend", host="127.0.0.1", port=port)
    member = invite(cast)
    server.stop()
    (message,) = mailbox.came
    assert (message["To"], message["Subject"]) == (member.user.email, "You are invited to Data Pusher")
    assert [part.get_content_type() for part in message.walk()] == ["multipart/alternative", "text/plain", "text/html"]


def test_the_link_stands_in_no_table(cast: Cast) -> None:
    invite(cast)
    key = link_of(mail.outbox[0]).split("/")[-2]
    assert not [row for rows in everything().values() for row in rows if key.encode() in row]
    assert not SignIn.objects.exists()
