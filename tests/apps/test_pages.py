"""Every page: who sees it, and what keeps a browser from running what is not ours."""

from collections.abc import Callable
from html.parser import HTMLParser
from typing import Any
from urllib.parse import quote

import orjson
import pytest
from django.test import Client
from pytest_django import Settings

from apps.accounts.invitations import key_of
from apps.accounts.members import add_member
from apps.accounts.models import Account
from apps.accounts.services import delete_account
from apps.common.ids import uuid7
from apps.deliveries.models import Delivery
from apps.deliveries.request import Error, Outcome
from apps.ingest.batch import store
from tests.browsing import everything, sign_in
from tests.cast import PASSWORD, Cast
from tests.events import make_post
from tests.writing import deliver

HOOK = "http://127.0.0.1:2/hook"
HOSTILE = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>"


class Active(HTMLParser):
    """Collects what a strict policy would block: inline scripts, styles and handlers, and addresses that are code."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        data = given.get("type") == "application/json"
        ours = (given.get("src") or "").startswith(("/static/", "/admin/jsi18n/"))
        if tag == "style" or (tag == "script" and not data and not ours):
            self.found.append(tag)
        self.found += [name for name in given if name == "style" or name.startswith("on")]
        self.found += [value for value in given.values() if value and value.strip().lower().startswith("javascript:")]


Visit = Callable[[Cast], Any]  # the test client's answer has no type of its own


def get(path: str) -> Visit:
    return lambda _: Client().get(path)


def get_as_alice(path: str) -> Visit:
    return lambda cast: sign_in(cast.alice).get(path.format(account=cast.account.pk, other=cast.other.pk))


def get_after_a_password(path: str) -> Visit:
    """What asks for the password first, unless it was given just now."""

    def visit(cast: Cast) -> Any:
        client = Client()
        client.force_login(cast.alice)
        client.post("/user/reauthenticate/", {"password": PASSWORD})
        return client.get(path)

    return visit


def follow_invitation(**fields: str) -> Visit:
    def visit(cast: Cast) -> Any:
        Account.objects.update(account_name=HOSTILE)
        member = add_member(by=cast.admin, role_id=2, email=f"{uuid7()}@example.com")
        path = f"/user/invitation/key/{key_of(member)}/"
        return Client().post(path, fields) if fields else Client().get(path)

    return visit


def post_as_alice(path: str, **fields: str) -> Visit:
    return lambda cast: sign_in(cast.alice).post(path.format(account=cast.account.pk), fields)


def get_as_bob(path: str) -> Visit:
    return lambda cast: sign_in(cast.bob).get(path.format(account=cast.account.pk))


def see(path: str, *, bob: bool = False, **fields: str) -> Visit:
    """A page below Alice's account, in which everything is named as hostile as it may be."""

    def visit(cast: Cast) -> Any:
        Account.objects.update(account_name=HOSTILE)
        store([make_post(cast.token, cast.account, HOSTILE.replace(" ", "_"), orjson.dumps({HOSTILE: HOSTILE}))])
        deliver(Outcome(Error.HTTP_STATUS, 500, 3, (("X-A", HOSTILE),), HOSTILE.encode()))
        delivery = Delivery.objects.get()
        ids = {"event": delivery.event_id, "delivery": delivery.pk, "destination": delivery.destination_id}
        ids["member"] = cast.admin.pk
        address = f"/accounts/{cast.account.pk}/{path.format(**ids)}"
        client = sign_in(cast.bob if bob else cast.alice)
        return client.post(address, fields) if fields else client.get(address)

    return visit


def without_csrf_token(_: Cast) -> Any:
    return Client(enforce_csrf_checks=True).post("/user/login/")


DESTINATION = {"url": HOOK, "http_method": "POST", "headers": "X-Key: v"}
PAGES: dict[str, tuple[Visit, int]] = {
    "start": (get("/"), 200),
    "sign-in": (get("/user/login/"), 200),
    "sign-up": (get("/user/signup/"), 200),
    "wrong sign-in": (lambda _: Client().post("/user/login/", {"login": HOSTILE, "password": "x"}), 200),
    "password reset": (get("/user/password/reset/"), 200),
    "password reset sent": (get("/user/password/reset/done/"), 200),
    "bad reset link": (get("/user/password/reset/key/a-b/"), 200),
    "bad confirmation link": (get("/user/confirm-email/x/"), 200),
    "inactive": (get("/user/inactive/"), 200),
    "sign-out": (get_as_alice("/user/logout/"), 200),
    "e-mail": (get_after_a_password("/user/email/"), 200),
    "password again": (get_as_alice("/user/reauthenticate/"), 200),
    "second factor": (get_as_alice("/user/mfa/"), 200),
    "second factor to add": (get_after_a_password("/user/mfa/totp/activate/"), 200),
    "sessions": (get_after_a_password("/user/sessions/"), 200),
    "verification sent": (get("/user/confirm-email/"), 200),
    "invitation": (follow_invitation(), 200),
    "invitation with a bad password": (follow_invitation(password="short"), 400),
    "invitation that is over": (get("/user/invitation/key/x/"), 404),
    "password": (get_as_alice("/user/password/change/"), 200),
    "new account": (get_as_alice("/accounts/new/"), 200),
    "bad account": (post_as_alice("/accounts/new/", account_name="x" * 201, website=HOSTILE), 400),
    "account created": (post_as_alice("/accounts/new/", account_name=HOSTILE), 201),
    "history": (get_as_alice("/accounts/{account}/history/"), 200),
    "live": (get_as_alice("/accounts/{account}/live/"), 200),
    "live of a Normal user": (get_as_bob("/accounts/{account}/live/"), 200),
    "new destination": (get_as_alice("/accounts/{account}/destinations/new/"), 200),
    "bad destination": (post_as_alice("/accounts/{account}/destinations/new/", url=HOSTILE, headers=HOSTILE), 400),
    "destination created": (post_as_alice("/accounts/{account}/destinations/new/", name=HOSTILE, **DESTINATION), 201),
    "settings": (see("settings/"), 200),
    "settings of a Normal user": (see("settings/", bob=True), 200),
    "bad settings": (see("settings/", account_name=HOSTILE, website=HOSTILE, version=HOSTILE), 400),
    "token": (see("token/", reveal="1"), 200),
    "members": (see("members/"), 200),
    "bad member": (see("members/", email=HOSTILE, role_id=HOSTILE), 400),
    "last Admin": (see("members/{member}/remove/", remove="1"), 409),
    "destinations": (see("destinations/"), 200),
    "destinations found": (see(f"destinations/?search={quote(HOSTILE)}"), 200),
    "destination": (see("destinations/{destination}/"), 200),
    "destination of a Normal user": (see("destinations/{destination}/", bob=True), 200),
    "destination tested": (see("destinations/{destination}/test/", body=f'["{HOSTILE[:20]}"]'), 200),
    "bad test": (see("destinations/{destination}/test/", body=HOSTILE), 400),
    "destination settings": (see("destinations/{destination}/settings/"), 200),
    "bad destination settings": (see("destinations/{destination}/settings/", url=HOSTILE, headers=HOSTILE), 400),
    "signature": (see("destinations/{destination}/signing/"), 200),
    "secret": (see("destinations/{destination}/secret/", reveal="1"), 200),
    "events": (see("events/"), 200),
    "bad search": (see(f"events/?received_timestamp_after={quote(HOSTILE)}"), 400),
    "event": (see("events/{event}/"), 200),
    "event of a Normal user": (see("events/{event}/", bob=True), 200),
    "deliveries": (see("deliveries/"), 200),
    "bad filter": (see(f"deliveries/?status={quote(HOSTILE)}"), 400),
    "delivery": (see("deliveries/{delivery}/"), 200),
    "exports": (see("export/"), 200),
    "not allowed": (get_as_bob("/accounts/{account}/destinations/new/"), 403),
    "not found": (get_as_alice("/accounts/{other}/live/"), 404),
    "no such address": (get("/nothing/here/"), 404),
    "form not accepted": (without_csrf_token, 403),
}


@pytest.mark.parametrize("name", PAGES)
def test_a_page_carries_the_security_headers_and_nothing_inline(cast: Cast, name: str) -> None:
    cast.destination(f"{HOOK}?a=%3Cscript%3E&b='", name=HOSTILE)
    visit, status = PAGES[name]
    page = visit(cast)
    assert (page.status_code, page["Content-Type"]) == (status, "text/html; charset=utf-8")
    rules = dict(rule.strip().split(" ", 1) for rule in page["Content-Security-Policy"].strip(";").split(";"))
    assert rules.items() >= {"default-src": "'self'", "object-src": "'none'", "frame-ancestors": "'none'"}.items()
    assert rules.items() >= {"base-uri": "'none'", "form-action": "'self'"}.items()
    assert not [rule for rule in rules.values() if "unsafe" in rule or "*" in rule]
    assert (page["X-Frame-Options"], page["X-Content-Type-Options"]) == ("DENY", "nosniff")
    assert (page["Referrer-Policy"], page["Cross-Origin-Opener-Policy"]) == ("same-origin", "same-origin")
    assert Active(page.content.decode()).found == []
    assert HOSTILE not in page.content.decode()


def test_the_closed_sign_up_is_such_a_page_too(cast: Cast, settings: Settings) -> None:
    settings.REGISTRATION = "invite"
    page = Client().get("/user/signup/")
    assert "default-src 'self'" in page["Content-Security-Policy"]
    assert Active(page.content.decode()).found == []


@pytest.mark.parametrize(
    "code", ["<script>1</script>", "<p style='x'>", "<p ONCLICK=x>", "<style>", "<a href=' JavaScript:x'>"]
)
def test_the_parser_of_these_tests_sees_what_is_inline(code: str) -> None:
    assert len(Active(f"<html>{code}").found) == 1


def test_alice_sees_her_live_page_with_the_buttons(cast: Cast) -> None:
    cast.destination(HOOK)
    page = sign_in(cast.alice).get(f"/accounts/{cast.account.pk}/live/")
    text = page.content.decode()
    assert (page.context["role"], page.context["live"]["socket"]) == ("Admin", f"/ws/accounts/{cast.account.pk}/logs/")
    assert [word in text for word in ("Northwind", "Manage", "/pause/", "/delete/", "/destinations/new/")] == [True] * 5
    assert "no-store" in page["Cache-Control"]


def test_bob_sees_the_same_without_the_buttons(cast: Cast) -> None:
    cast.destination(HOOK)
    page = sign_in(cast.bob).get(f"/accounts/{cast.account.pk}/live/")
    text = page.content.decode()
    assert (page.context["role"], "127.0.0.1:2" in text) == ("Normal user", True)
    assert [word in text for word in ("Manage", "/pause/", "/delete/", "/destinations/new/")] == [False] * 4


def test_the_live_page_shows_no_secret(cast: Cast) -> None:
    destination = cast.destination(HOOK, headers={"X-Key": "a-secret-value"})
    page = sign_in(cast.alice).get(f"/accounts/{cast.account.pk}/live/").content.decode()
    assert not [secret for secret in ("a-secret-value", destination.signing_secret, cast.token) if secret in page]


def test_for_charlie_the_account_does_not_exist(cast: Cast) -> None:
    charlie, before = sign_in(cast.charlie), everything()
    missing, unknown = (charlie.get(f"/accounts/{pk}/live/") for pk in (cast.account.pk, uuid7()))
    assert (missing.status_code, unknown.status_code) == (404, 404)
    assert b"Northwind" not in missing.content
    assert everything() == before


def test_nobody_sees_a_deleted_account(cast: Cast) -> None:
    delete_account(by=cast.admin)
    alice = sign_in(cast.alice)
    assert alice.get(f"/accounts/{cast.account.pk}/live/").status_code == 404
    assert alice.get("/")["Location"] == "/accounts/new/"


def test_who_is_not_signed_in_is_sent_to_sign_in_and_back(cast: Cast) -> None:
    path = f"/accounts/{cast.account.pk}/live/"
    assert Client().get(path)["Location"] == f"/user/login/?next={path}"


@pytest.mark.parametrize("method", ["post", "put", "patch", "delete"])
def test_the_live_page_is_only_read(cast: Cast, method: str) -> None:
    alice, before = sign_in(cast.alice), everything()
    assert getattr(alice, method)(f"/accounts/{cast.account.pk}/live/").status_code == 405
    assert everything() == before


def test_a_form_without_its_csrf_token_changes_nothing(cast: Cast) -> None:
    destination = cast.destination(HOOK)
    client = Client(enforce_csrf_checks=True)
    client.force_login(cast.alice)
    before = everything()
    own = f"/accounts/{cast.account.pk}/destinations"
    actions = [f"{own}/{destination.pk}/{action}/" for action in ("pause", "resume", "delete")]
    paths = ["/accounts/new/", f"{own}/new/", *actions, "/user/logout/", "/user/login/", "/user/signup/"]
    assert {client.post(path, DESTINATION | {"account_name": "x"}).status_code for path in paths} == {403}
    assert everything() == before
    assert client.get("/accounts/new/").status_code == 200  # still signed in


def test_a_form_with_its_csrf_token_is_accepted(cast: Cast) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(cast.alice)
    client.get("/accounts/new/")
    fields = {"account_name": "Fabrikam", "csrfmiddlewaretoken": client.cookies["csrftoken"].value}
    assert client.post("/accounts/new/", fields).status_code == 201


def test_a_csrf_token_of_another_origin_is_refused(cast: Cast) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(cast.alice)
    client.get("/accounts/new/")
    fields = {"account_name": "Fabrikam", "csrfmiddlewaretoken": client.cookies["csrftoken"].value}
    before = everything()
    assert client.post("/accounts/new/", fields, headers={"Origin": "https://evil.example"}).status_code == 403
    assert everything() == before


def test_an_unknown_host_is_refused(cast: Cast) -> None:
    assert Client().get("/", headers={"Host": "evil.example"}).status_code == 400
