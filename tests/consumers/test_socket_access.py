"""Who may open the live monitor, and who may stay."""

import asyncio
import json
import logging
import uuid

import pytest
from channels.layers import get_channel_layer
from django.test import Client
from django.utils import timezone

from apps.accounts.models import Member, Role
from apps.accounts.services import delete_account
from apps.destinations.models import Destination
from apps.users import services
from apps.users.models import SignIn, User
from consumers import hub, protocol
from consumers.monitor import MonitorConsumer
from tests.browsing import sign_in
from tests.cast import Cast
from tests.consumers.sockets import Browser, path_of, session_of
from tests.consumers.writing import write_logs
from tests.posting import in_db, until

VERSION = "datapusher.v1"


@pytest.mark.parametrize(
    "query",
    [
        "colour=red",
        "after=1&colour=red",
        "after=-1",
        "after=1.5",
        "after=",
        "after=abc",
        "after=%D9%A3",  # an Arabic digit
        "after=1&after=2",
        f"after={'9' * 19}",
        "status=pending",
        "status=",
        "destination_id=7",
        "destination_id=",
        "destination_id=00000000-0000-0000-0000-00000000000g",
        f"search={'x' * 201}",
        "search=a%00b",
        "search=a&search=b",
        "summary_above=",
        "summary_above=0",
        "summary_above=10001",
        "summary_above=1e3",
        "summary_above=-1",
    ],
)
async def test_a_query_that_is_not_understood_is_refused(browser: Browser, query: str) -> None:
    socket = await browser.open(query=query)
    assert await socket.end() == (4400, 4400)


async def test_the_error_names_the_parameter_and_says_it_as_an_error_frame(browser: Browser) -> None:
    frame = await (await browser.open(query="colour=red")).frame()
    assert frame == {"type": "error", "code": 4400, "message": "Unknown parameter: colour"}


@pytest.mark.parametrize("session", ["", "made-up"])
async def test_without_a_session_nobody_watches(cast: Cast, browser: Browser, session: str) -> None:
    socket = browser.socket(path_of(cast.account.pk), session=session)
    assert await socket.open()
    assert await socket.end() == (4401, 4401)


async def test_who_never_was_a_member_finds_no_account(cast: Cast, browser: Browser) -> None:
    assert await (await browser.open(cast.charlie)).end() == (4404, 4404)


async def test_an_unknown_account_does_not_exist(browser: Browser) -> None:
    assert await (await browser.open(account=uuid.uuid4())).end() == (4404, 4404)


async def test_a_deleted_account_does_not_exist(cast: Cast, browser: Browser) -> None:
    await in_db(lambda: delete_account(by=cast.admin))
    assert await (await browser.open()).end() == (4404, 4404)


async def test_who_is_only_invited_does_not_watch_yet(cast: Cast, browser: Browser) -> None:
    await in_db(Member.objects.filter(user=cast.bob).update, state=Member.State.INVITED)
    assert await (await browser.open(cast.bob)).end() == (4404, 4404)


@pytest.mark.embedded
async def test_a_refused_stranger_leaves_nothing_in_the_accounts_group(cast: Cast, browser: Browser) -> None:
    await (await browser.open(cast.charlie)).end()
    await until(lambda: not get_channel_layer().groups.get(f"logs.{cast.account.pk}"))


async def test_deleting_the_account_ends_its_sockets(cast: Cast, browser: Browser) -> None:
    alice, bob = await browser.watch(), await browser.watch(cast.bob)
    await in_db(lambda: delete_account(by=cast.admin))
    assert [await alice.end(), await bob.end()] == [(4404, 4404)] * 2


async def test_who_is_removed_is_told_and_the_others_stay(cast: Cast, browser: Browser, destination: Destination) -> None:
    alice, bob = await browser.watch(), await browser.watch(cast.bob)
    await in_db(Member.objects.filter(user=cast.bob).delete)
    assert await bob.end() == (4403, 4403)
    await in_db(write_logs, destination)
    assert await alice.cursors(up_to=1) == [1]


def sign_out(client: Client) -> None:
    assert client.post("/user/logout/").status_code == 302


async def test_signing_out_ends_the_sockets_of_that_browser_only(
    cast: Cast, browser: Browser, destination: Destination
) -> None:
    laptop, phone = await in_db(sign_in, cast.alice), await in_db(sign_in, cast.alice)
    gone, stays = await browser.watch(session=session_of(laptop)), await browser.watch(session=session_of(phone))
    await in_db(sign_out, laptop)
    assert await gone.end() == (4401, 4401)
    await in_db(write_logs, destination)
    assert await stays.cursors(up_to=1) == [1]


def change_password(user: User) -> None:
    user.set_password("another horse battery")
    user.save()


async def test_a_changed_password_ends_the_sockets(cast: Cast, browser: Browser) -> None:
    socket = await browser.watch()
    await in_db(change_password, cast.alice)
    assert await socket.end() == (4401, 4401)
    assert await (await browser.open()).text()  # a new sign-in goes


async def test_a_deactivated_person_is_signed_out(cast: Cast, browser: Browser) -> None:
    socket = await browser.watch()
    await in_db(User.objects.filter(pk=cast.alice.pk).update, is_active=False)
    assert await socket.end() == (4401, 4401)


async def test_a_new_role_brings_a_new_hello_and_the_socket_stays(
    cast: Cast, browser: Browser, destination: Destination
) -> None:
    await in_db(write_logs, destination, 2)
    socket = await browser.watch(cast.bob, query="after=0")
    assert await socket.cursors(up_to=2) == [1, 2]
    await in_db(Member.objects.filter(user=cast.bob).update, role=await in_db(Role.objects.get, role_name=Role.ADMIN))
    hello = await socket.frame()
    assert (hello["type"], hello["role"], hello["cursor"], "reset" in hello) == ("hello", "Admin", 2, False)
    await in_db(write_logs, destination)
    assert await socket.cursors(up_to=3) == [3]


@pytest.mark.parametrize(
    "origin",
    ["", "null", "http://127.0.0.1:8001", "http://127.0.0.1", "https://127.0.0.1:8000", "http://evil.example", "file://"],
)
async def test_without_an_allowed_origin_a_cookie_opens_nothing(cast: Cast, browser: Browser, origin: str) -> None:
    session = session_of(await in_db(sign_in, cast.alice))
    assert not await browser.socket(path_of(cast.account.pk), session=session, origin=origin).open()


@pytest.mark.parametrize("origin", ["http://127.0.0.1:8000", "http://localhost:8000"])
async def test_the_own_origins_are_allowed(cast: Cast, browser: Browser, origin: str) -> None:
    session = session_of(await in_db(sign_in, cast.alice))
    socket = browser.socket(path_of(cast.account.pk), session=session, origin=origin)
    assert await socket.open()
    assert (await socket.frame())["type"] == "hello"


@pytest.mark.parametrize("origin", ["", "http://evil.example", "http://127.0.0.1:8000"])
async def test_where_a_bearer_is_offered_it_alone_counts(cast: Cast, browser: Browser, origin: str) -> None:
    session = session_of(await in_db(sign_in, cast.alice))
    offered = [VERSION, "bearer.made-up"]
    socket = browser.socket(path_of(cast.account.pk), session=session, origin=origin, subprotocols=offered)
    assert await socket.open()
    assert socket.subprotocol == VERSION
    assert await socket.end() == (4401, 4401)


async def test_a_bearer_watches_without_cookie_or_origin_as_long_as_its_sign_in_lasts(
    cast: Cast, browser: Browser, destination: Destination
) -> None:
    pair = await in_db(lambda: services.sign_in(user=cast.alice))
    socket = browser.socket(path_of(cast.account.pk), origin="", subprotocols=[VERSION, f"bearer.{pair.access}"])
    assert await socket.open()
    assert (await socket.frame())["type"] == "hello"
    await in_db(write_logs, destination)
    assert (await socket.entries(up_to=1))[0]["cursor"] == 1
    await in_db(lambda: services.refresh(token=pair.refresh))
    await in_db(SignIn.objects.update, ended_at=timezone.now())
    assert await socket.end() == (4401, 4401)


@pytest.mark.parametrize(
    ("offered", "selected"), [([], None), ([VERSION], VERSION), (["chat", VERSION], VERSION), (["chat"], None)]
)
async def test_only_our_own_subprotocol_is_selected(
    cast: Cast, browser: Browser, offered: list[str], selected: str | None
) -> None:
    session = session_of(await in_db(sign_in, cast.alice))
    socket = browser.socket(path_of(cast.account.pk), session=session, subprotocols=offered)
    assert await socket.open()
    assert socket.subprotocol == selected


async def test_what_a_browser_says_is_ignored_up_to_4_kib(browser: Browser, destination: Destination) -> None:
    socket = await browser.watch()
    for text in ("{", '{"type": "log.entries"}', "é" * 2048):
        await socket.say(text=text)
    await in_db(write_logs, destination)
    assert await socket.cursors(up_to=1) == [1]


@pytest.mark.parametrize(("text", "data"), [("x" * 4097, None), ("é" * 2049, None), (None, b"x")])
async def test_larger_or_binary_frames_end_the_socket(browser: Browser, text: str | None, data: bytes | None) -> None:
    socket = await browser.watch()
    await socket.say(text=text, data=data)
    await socket.say(text=text, data=data)  # on its way before the close arrived: answered with nothing
    assert await socket.end() == (4400, 4400)
    await socket.leave()
    assert socket.silent()


async def test_the_21st_socket_of_a_person_is_refused_and_another_persons_first_is_not(cast: Cast, browser: Browser) -> None:
    session = session_of(await in_db(sign_in, cast.alice))
    first, *_ = [await browser.watch(session=session) for _ in range(20)]
    assert await (await browser.open(session=session)).end() == (4400, 4400)
    assert (await (await browser.open(cast.bob)).frame())["type"] == "hello"
    await first.leave()
    assert (await (await browser.open(session=session)).frame())["type"] == "hello"


async def test_of_25_sockets_that_open_at_once_20_are_let_in(cast: Cast, browser: Browser) -> None:
    session = session_of(await in_db(sign_in, cast.alice))
    sockets = await asyncio.gather(*(browser.open(session=session) for _ in range(25)))
    frames = [json.loads(await socket.text()) for socket in sockets]
    assert sorted(frame["type"] for frame in frames) == ["error"] * 5 + ["hello"] * 20


async def test_who_opens_too_many_sockets_comes_back_later(
    cast: Cast, browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(protocol, "OPENS_A_MINUTE", 2)
    for _ in range(2):
        await (await browser.watch()).leave()
    refused = await browser.open()
    assert await refused.closed() == 1013
    assert (await (await browser.open(cast.bob)).frame())["type"] == "hello"


@pytest.mark.parametrize("path", ["/", "/ws/", "/ws/accounts/7/logs/", "/ws/accounts/7/logs", "/accounts/new/"])
async def test_an_unknown_socket_is_refused_quietly(browser: Browser, caplog: pytest.LogCaptureFixture, path: str) -> None:
    assert not await browser.socket(path).open()
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []


@pytest.mark.embedded
async def test_a_reader_that_takes_no_frame_is_let_go_and_leaves_nothing(
    cast: Cast, browser: Browser, destination: Destination, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def stuck(self: MonitorConsumer, **_: object) -> None:
        await asyncio.Event().wait()

    def group() -> object:
        return get_channel_layer().groups.get(f"logs.{cast.account.pk}")

    await browser.watch()
    assert group()
    monkeypatch.setattr("consumers.monitor._SEND_S", 0.1)
    monkeypatch.setattr(MonitorConsumer, "send", stuck)
    await in_db(write_logs, destination)
    await until(lambda: not group())
    assert hub.current().sockets_of(cast.alice.pk) == 0
