"""What a person sees and does about their own signing in: sessions, e-mail, second factor."""

import re
from io import StringIO

import pytest
from allauth.account.models import EmailAddress
from allauth.usersessions.models import UserSession
from django.conf import LazySettings
from django.contrib.sessions.models import Session
from django.core import mail
from django.test import Client

from apps.common.mail import ReadableConsole
from apps.users.services import forget_ended_sessions
from apps.users.services import sign_in as start
from tests.browsing import everything
from tests.cast import PASSWORD, Cast
from tests.rest import Rest
from tests.writing import ago

PATH = "/user/sessions/"


def browser(email: str, name: str) -> Client:
    client = Client(headers={"User-Agent": name})
    client.post("/user/login/", {"login": email, "password": PASSWORD})
    return client


def test_the_page_lists_browsers_and_rest_clients_and_ends_them(cast: Cast) -> None:
    here, there, rest = browser(cast.alice.email, "Here/1"), browser(cast.alice.email, "There/1"), Rest(cast.alice)
    start(user=cast.alice, user_agent="curl/8")
    page = here.get(PATH)
    assert [each.user_agent for each in page.context["browsers"]] == ["There/1", "Here/1"]
    assert [each.user_agent for each in page.context["clients"]] == ["curl/8", ""]
    here.post(f"{PATH}browser/{page.context['browsers'][0].pk}/end/")
    here.post(f"{PATH}client/{page.context['clients'][1].pk}/end/")
    assert (there.get(PATH).status_code, rest.get("auth/me/").status, here.get(PATH).status_code) == (302, 401, 200)


def test_a_browsers_name_that_no_column_takes_is_left_out(cast: Cast) -> None:
    page = browser(cast.alice.email, "a\x00b").get(PATH)
    assert [each.user_agent for each in page.context["browsers"]] == [""]
    body = {"email": cast.alice.email, "password": PASSWORD}
    assert Rest().post("auth/login/", body, User_Agent="a\x00b" * 200).status == 200


def test_nobody_ends_somebody_elses(cast: Cast) -> None:
    alice, bob, rest = browser(cast.alice.email, "A"), browser(cast.bob.email, "B"), Rest(cast.alice)
    page = alice.get(PATH)
    before = everything()
    bob.post(f"{PATH}browser/{page.context['browsers'][0].pk}/end/")
    bob.post(f"{PATH}client/{page.context['clients'][0].pk}/end/")
    assert bob.post(f"{PATH}browser/{10**30}/end/").status_code == 302
    assert everything() == before
    assert (alice.get(PATH).status_code, rest.get("auth/me/").status) == (200, 200)


def test_a_changed_password_leaves_only_this_browser(cast: Cast) -> None:
    here, there, rest = browser(cast.alice.email, "Here"), browser(cast.alice.email, "There"), Rest(cast.alice)
    fields = {"oldpassword": PASSWORD, "password1": "another sentence", "password2": "another sentence"}
    assert here.post("/user/password/change/", fields).status_code == 302
    assert [each.user_agent for each in here.get(PATH).context["browsers"]] == ["Here"]
    assert (there.get(PATH).status_code, rest.get("auth/me/").status) == (302, 401)


def test_only_who_may_create_accounts_is_offered_a_new_one(cast: Cast) -> None:
    live, offer = f"/accounts/{cast.account.pk}/live/", b"New account"
    assert offer in browser(cast.bob.email, "B").get(live).content
    type(cast.bob).objects.filter(pk=cast.bob.pk).update(created_by=cast.alice)
    assert offer not in browser(cast.bob.email, "B").get(live).content


def change_email(client: Client, new: str) -> None:
    client.post("/user/reauthenticate/", {"password": PASSWORD})
    client.post("/user/email/", {"email": new, "action_add": ""})


@pytest.mark.parametrize("verification", ["none", "mandatory"])
def test_a_new_e_mail_takes_the_old_ones_place_once_proved(cast: Cast, settings: LazySettings, verification: str) -> None:
    settings.ACCOUNT_EMAIL_VERIFICATION = verification
    proved = verification == "mandatory"
    EmailAddress.objects.create(user=cast.alice, email=cast.alice.email, verified=proved, primary=True)
    alice = browser(cast.alice.email, "A")
    change_email(alice, "new@example.com")
    cast.alice.refresh_from_db()
    assert cast.alice.email == "alice@example.com"
    (link,) = re.findall(r"http://127.0.0.1:8000(\S+/confirm-email/\S+)", str(mail.outbox[0].body))
    alice.post(link)
    cast.alice.refresh_from_db()
    assert cast.alice.email == "new@example.com"


def test_who_has_not_proved_the_e_mail_proves_it_before_changing_it(cast: Cast, settings: LazySettings) -> None:
    alice = browser(cast.alice.email, "A")
    EmailAddress.objects.create(user=cast.alice, email=cast.alice.email, verified=False, primary=True)
    settings.ACCOUNT_EMAIL_VERIFICATION = "mandatory"
    change_email(alice, "new@example.com")
    cast.alice.refresh_from_db()
    assert cast.alice.email == "alice@example.com"
    assert [each.to for each in mail.outbox] == [["alice@example.com"]]


def test_a_reset_link_leads_to_where_we_are_whatever_host_was_asked(cast: Cast, settings: LazySettings) -> None:
    settings.ALLOWED_HOSTS = ["*"]
    client = Client(headers={"Host": "evil.example"})
    client.post("/user/password/reset/", {"email": cast.alice.email})
    (link,) = re.findall(r"(http\S+/key/\S+)", str(mail.outbox[0].body))
    assert link.startswith("http://127.0.0.1:8000/user/password/reset/key/")
    page = Client().get(link.removeprefix("http://127.0.0.1:8000"), follow=True)
    assert b"password1" in page.content


def test_the_reset_page_answers_alike_for_known_and_unknown(cast: Cast) -> None:
    answers = [Client().post("/user/password/reset/", {"email": each}) for each in ("alice@example.com", "no@example.com")]
    assert [(each.status_code, each["Location"]) for each in answers] == [(302, "/user/password/reset/done/")] * 2
    assert [each.to for each in mail.outbox] == [["alice@example.com"], ["no@example.com"]]


def test_signing_up_answers_alike_for_known_and_unknown_where_mail_is_sent(cast: Cast, settings: LazySettings) -> None:
    settings.ACCOUNT_EMAIL_VERIFICATION = "mandatory"
    emails = ("alice@example.com", "no@example.com", "no@example.com")
    answers = [Client().post("/user/signup/", {"email": each, "password1": "a long sentence"}) for each in emails]
    assert [(each.status_code, each["Location"]) for each in answers] == [(302, "/user/confirm-email/")] * 3
    assert [each.to for each in mail.outbox] == [[each] for each in emails[:2]]  # a third within 3 minutes is not sent


def test_a_link_is_printed_whole() -> None:
    printed, link = StringIO(), f"http://127.0.0.1:8000/user/invitation/key/{'x' * 200}/"
    ReadableConsole(stream=printed).send_messages([mail.EmailMessage("S", f"é\n{link}\n", to=["a@example.com"])])
    assert link in printed.getvalue().splitlines()


def test_sessions_that_have_expired_are_forgotten_a_thousand_at_a_time(cast: Cast) -> None:
    here, over = browser(cast.alice.email, "Here"), browser(cast.alice.email, "Over")
    key = over.session.session_key
    Session.objects.filter(session_key=key).update(expire_date=ago(days=1))
    Session.objects.bulk_create(Session(session_key=f"old{number}", expire_date=ago(days=1)) for number in range(1200))
    assert [forget_ended_sessions() for _ in range(3)] == [1000, 201, 0]
    assert [each.user_agent for each in UserSession.objects.all()] == ["Here"]
    assert here.get(PATH).status_code == 200


def test_the_note_on_a_browser_that_signed_out_is_forgotten_too(cast: Cast) -> None:
    browser(cast.alice.email, "Gone").post("/user/logout/")
    forget_ended_sessions()
    assert not UserSession.objects.exists()
