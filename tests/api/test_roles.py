"""Who gets what at every route (routes.py), and that what is refused changes nothing and tells nothing."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.cookies import SimpleCookie
from typing import Any

import pytest
from allauth.account.models import EmailAddress
from channels.layers import get_channel_layer
from django.conf import settings
from django.core.cache import cache
from django.db import transaction
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver
from django.views.generic import RedirectView
from django.views.generic.edit import ProcessFormView

from apps.accounts.models import Account, Member, Role
from apps.common.ids import uuid7
from apps.deliveries.exports import start_export, write_exports
from apps.deliveries.models import Delivery
from apps.deliveries.replays import Wanted, pause, start
from apps.events.models import Event
from apps.ingest.batch import store as store_posts
from apps.logs.models import Log
from apps.users.models import User
from consumers.routing import application
from tests.api.routes import PAGES, PEOPLE, REST, SOCKETS, Row, Who
from tests.apps.test_admin import log_of
from tests.browsing import everything, sign_in
from tests.cast import PASSWORD, Cast
from tests.consumers.sockets import Browser, session_of
from tests.events import make_post
from tests.posting import in_db
from tests.rest import Rest

VALUE, PAYLOAD, NAME = "planted-value", "planted-payload", "Planted name"
MEMBERS = {"admin", "normal", "demoted"}


@dataclass
class Stage:
    """Alice's account with something of everything in it, and all who come to it, each with a session and a bearer."""

    cast: Cast
    users: dict[Who, User] = field(default_factory=dict)
    rest: dict[Who, Rest] = field(default_factory=dict)
    sessions: dict[Who, str] = field(default_factory=dict)
    ids: dict[str, str] = field(default_factory=dict)
    secrets: set[str] = field(default_factory=set)
    """What nobody but an Admin is shown."""
    client: Client = field(default_factory=Client)
    names: set[str] = field(default_factory=set)
    """What nobody outside of the account is shown."""

    def ask(self, who: Who, row: Row) -> tuple[int, str]:
        path, body = row.path.format(**self.ids), _filled(row.body, self.ids)
        if row in REST:
            answer = self.rest[who](row.method, path, body)
            return answer.status, str(answer.body)
        self.client.cookies = SimpleCookie({settings.SESSION_COOKIE_NAME: self.sessions[who]})
        page = self.client.get(f"/{path}") if row.method == "GET" else self.client.post(f"/{path}", body)
        return page.status_code, "" if page.streaming else page.content.decode()

    def told(self, who: Who, text: str) -> bool:
        """Whether the text says what is not for them."""
        hidden = (set() if who == "admin" else self.secrets) | (set() if who in MEMBERS else self.names)
        hidden -= {NAME} if who == "invited" else set()  # it stands in the invitation
        return any(each in text for each in hidden)


def _filled(body: dict[str, Any] | None, ids: dict[str, str]) -> dict[str, Any] | None:
    if body is None:
        return None
    return {name: value.format(**ids) if isinstance(value, str) else value for name, value in body.items()}


def _join(stage: Stage, who: Who, role: str, **fields: Any) -> Member:
    alice = stage.cast.alice
    made = Role.objects.get(role_name=role)
    return Member.objects.create(
        account=stage.cast.account, user=stage.users[who], role=made, created_by=alice, updated_by=alice, **fields
    )


@pytest.fixture
def stage(cast: Cast) -> Stage:
    made = Stage(cast)
    made.users = {"admin": cast.alice, "normal": cast.bob, "other": cast.charlie}
    for who in ("demoted", "stranger", "removed", "invited"):
        made.users[who] = User.objects.create_user(f"{who}@example.com", PASSWORD)
    demoted, removed = _join(made, "demoted", Role.ADMIN), _join(made, "removed", Role.ADMIN)
    _join(made, "invited", Role.ADMIN, state=Member.State.INVITED)
    User.objects.filter(pk=made.users["invited"].pk).update(created_by=cast.alice)
    EmailAddress.objects.bulk_create(
        EmailAddress(user=user, email=user.email, primary=True, verified=True) for user in made.users.values()
    )
    made.rest = {who: Rest(made.users.get(who)) for who in PEOPLE}
    made.sessions = {who: session_of(sign_in(user)) for who, user in made.users.items()} | {"anonymous": ""}
    Member.objects.filter(pk=demoted.pk).update(role=Role.objects.get(role_name=Role.NORMAL_USER))
    removed.delete()
    _furnish(made, cast.normal_user)
    return made


def _furnish(stage: Stage, member: Member) -> None:
    cast = stage.cast
    destination = cast.destination("https://hooks.example.com/planted/path", headers={"X-Key": VALUE}, name="planted-sink")
    Account.objects.filter(pk=cast.account.pk).update(account_name=NAME)
    store_posts([make_post(cast.token, cast.account, "e1", f'"{PAYLOAD}"'.encode())])
    event, delivery = Event.objects.get(), Delivery.objects.get()
    log = log_of(event, destination, 1)
    Log.objects.bulk_create([log])
    rows = {"account": cast.account, "destination": destination, "member": member, "event": event, "delivery": delivery}
    stage.ids = {name: str(row.pk) for name, row in rows.items()} | {"log": str(log.pk), "key": "a", "app": "accounts"}
    export = start_export(by=cast.admin)
    while write_exports():
        pass
    job = start(by=cast.admin, wanted=Wanted(status="failed"))
    pause(job=job, by=cast.admin)
    stage.ids |= {"replay": str(job.pk), "table": "account", "export": str(export.pk), "session": "1", "sign_in": str(uuid7())}
    stage.secrets = {VALUE, cast.token, destination.signing_secret}
    stage.names = {NAME, "planted/path", "planted-sink", cast.alice.email, PAYLOAD}


def _unexpected(stage: Stage, who: Who, row: Row, before: dict[str, list[bytes]]) -> str:
    """What is wrong with the answer; empty: nothing. All that the call did is undone."""
    cache.clear()  # the limits on guessing passwords
    with transaction.atomic():
        status, text = stage.ask(who, row)
        read = row.method == "GET" and who != "admin"  # an Admin's look at a secret stands in the history
        saved = status == 302 and (who == "admin" or (row.saves and who in MEMBERS))
        changed = (read or status >= 300) and not saved and everything() != before
        transaction.set_rollback(True)
    told = " tells too much" if stage.told(who, text) else ""
    right = status == row.expected(who) and not changed and not told
    return "" if right else f"{who} {row.method} {row.path}: {status}, not {row.expected(who)}{' changed' * changed}{told}"


@pytest.mark.parametrize("who", PEOPLE)
def test_everybody_gets_what_the_table_says_and_nothing_else_happens(stage: Stage, who: Who) -> None:
    before = everything()
    wrong = [found for row in [*REST, *PAGES] if (found := _unexpected(stage, who, row, before))]
    assert not wrong, "\n".join(wrong)
    assert everything() == before


async def _opens(browser: Browser, path: str, session: str) -> int:
    socket = browser.socket(f"/{path}", session=session)
    if not await socket.open():
        return 403
    frame = await socket.frame()
    return 101 if frame["type"] == "hello" else int(frame["code"])


@pytest.mark.parametrize("row", SOCKETS, ids=lambda row: row.path)
async def test_at_a_socket_too(stage: Stage, row: Row) -> None:
    browser, before = Browser(stage.cast), await in_db(everything)
    path = row.path.format(**stage.ids)
    try:
        got = {who: await _opens(browser, path, stage.sessions[who]) for who in PEOPLE}
    finally:
        await browser.close()
        await get_channel_layer().flush()
    assert got == {who: row.expected(who) for who in PEOPLE}
    assert await in_db(everything) == before


# What in a route's pattern stands for something: <uuid:account_id>, (?P<key>…).
_PART = re.compile(r"<(?:\w+:)?(\w+)>|\(\?P<(\w+)>(?:\[[^]]*\][+*]?|[^()])*\)")
_SAME = {"uidb36": "key", "object_id": "key", "content_type_id": "key", "app_label": "app"}


def _path(pattern: str) -> str:
    """accounts/<uuid:account_id>/ -> accounts/{account}/; every table of the operators' site is one and the same."""

    def named(match: re.Match[str]) -> str:
        name = match[1] or match[2]
        return "{" + _SAME.get(name, name.removesuffix("_id")) + "}"

    plain = _PART.sub(named, pattern).replace("^", "").replace("$", "").replace("admin/{url}", "admin/nowhere/")
    return re.sub(r"^admin/(accounts|audit|deliveries|destinations|events|logs|users)/\w+/", "admin/{app}/{table}/", plain)


def _methods(view: Any) -> set[str]:
    """What the view implements. OPTIONS and HEAD follow from the others."""
    kind = getattr(view, "view_class", None) or getattr(view, "cls", None)
    if kind is None:
        return {"GET", "POST"}  # a function says nothing; the table says 405
    if issubclass(kind, RedirectView):
        return {"GET"}  # all of its methods are this one
    own = {name.upper() for name in kind.http_method_names if hasattr(kind, name)} - {"OPTIONS", "HEAD"}
    return own - {"PUT"} if issubclass(kind, ProcessFormView) else own  # there PUT is POST


def _routes(resolver: URLResolver, prefix: str = "") -> Iterator[tuple[str, str]]:
    for each in resolver.url_patterns:
        whole = prefix + str(each.pattern)
        if isinstance(each, URLPattern):
            yield from ((method, _path(whole)) for method in _methods(each.callback))
        else:
            yield from _routes(each, whole)


def test_every_route_has_a_row_and_every_row_a_route() -> None:
    table = [*((row.method, f"api/v1/{row.path}") for row in REST), *((row.method, row.path) for row in PAGES)]
    assert len(table) == len(set(table))
    there = set(_routes(get_resolver()))
    assert sorted(there - set(table)) == []
    assert sorted(set(table) - there) == []


def test_every_socket_has_a_row() -> None:
    log: Any = application._application
    there = {_path(str(each.pattern)) or "ws/nowhere/" for each in log._application.application_mapping["websocket"].routes}
    assert there == {row.path for row in SOCKETS}
