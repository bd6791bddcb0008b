"""The built-in test receiver: it takes what is signed for it, and nothing else, and shows what came."""

from collections.abc import Mapping
from datetime import timedelta
from types import MappingProxyType
from typing import Any

import pytest
from django.conf import LazySettings
from django.db import connection
from django.db.models.functions import Now
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from standardwebhooks.webhooks import Webhook

from apps.accounts.services import delete_account
from apps.audit.models import Entry
from apps.common.errors import LimitReached, NotAllowed
from apps.deliveries.chores import CHORES
from apps.deliveries.models import Delivery
from apps.deliveries.purging import purge
from apps.destinations.models import Destination
from apps.destinations.services import delete_destination
from apps.events.models import Event
from apps.inbox.models import Inbox, Received
from apps.inbox.services import open_inbox
from tests.browsing import everything, sign_in
from tests.cast import Cast
from tests.writing import ago

NOTHING: Mapping[str, str] = MappingProxyType({})


@pytest.fixture
def inbox(cast: Cast) -> Inbox:
    return open_inbox(by=cast.admin)[0]


def send(
    inbox: Inbox, body: bytes = b'{"n": 1}', method: str = "POST", query: str = "", changed: Mapping[str, str] = NOTHING
) -> int:
    """As a delivery does: signed with the destination's secret, over the body or for GET over the query."""
    destination, now = Destination.objects.get(url=inbox.url), timezone.now()
    signature = Webhook(destination.signing_secret).sign("msg_1", now, query if method == "GET" else body.decode())
    headers = {"webhook-id": "msg_1", "webhook-timestamp": str(int(now.timestamp())), "webhook-signature": signature}
    headers |= destination.headers | {name.replace("_", "-"): value for name, value in changed.items()}
    target = f"/inbox/{inbox.key}/" + (f"?{query}" if query else "")
    sent: Any = {} if method == "GET" else {"data": body, "content_type": "application/json"}
    return Client().generic(method, target, headers=headers, **sent).status_code


def page(user: Any, inbox: Inbox) -> Any:
    return sign_in(user).get(f"/accounts/{inbox.account_id}/inboxes/{inbox.key}/")


@pytest.mark.parametrize(("method", "query"), [("POST", ""), ("PUT", ""), ("PATCH", ""), ("GET", "n=1&b=%5B%5D")])
def test_what_is_signed_is_taken_and_shown_to_every_member(cast: Cast, inbox: Inbox, method: str, query: str) -> None:
    body = b"" if method == "GET" else b'{"n": "<b>"}'
    assert send(inbox, body, method, query) == 204
    shown = page(cast.bob, inbox)
    (found,) = shown.context["received"]
    assert (found.received.method, found.received.query, found.body.encode()) == (method, query, body)
    assert (found.headers["x-test"], found.headers["webhook-signature"]) == ("********", "********")
    assert ("masked-where" in shown.content.decode(), "<b>" in shown.content.decode()) == (False, False)


@pytest.mark.parametrize(
    "changed",
    [
        {"webhook_signature": "v1,AAAA"},
        {"webhook_signature": "v1"},
        {"webhook_signature": "v1,é"},
        {"webhook_signature": ""},
        {"webhook_timestamp": "1"},
        {"webhook_timestamp": "1e999"},
        {"webhook_timestamp": "9" * 400},
        {"webhook_id": "msg_2"},
    ],
)
def test_what_is_not_signed_for_it_finds_nothing(inbox: Inbox, changed: dict[str, str]) -> None:
    assert (send(inbox, changed=changed), Received.objects.exists()) == (404, False)


@pytest.mark.parametrize("body", [b"\xff", b"", b"x" * 3_000_000])
def test_what_cannot_be_signed_finds_nothing(inbox: Inbox, body: bytes) -> None:
    answers = [Client().post(f"/inbox/{inbox.key}/", body, "application/json"), Client().delete(f"/inbox/{inbox.key}/")]
    assert [(answer.status_code, answer.content) for answer in answers] == [(404, b"")] * 2
    assert Client().post(f"/inbox/{'a' * 26}/", body, "application/json").status_code == 404


def test_it_takes_64_kib(inbox: Inbox) -> None:
    assert [send(inbox, b"x" * size) for size in (65_536, 65_537)] == [204, 413]
    assert Received.objects.get().size == 65_536


def test_it_takes_20_a_second_and_who_is_not_signed_uses_up_none(inbox: Inbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("apps.inbox.services._A_SECOND", 2)
    assert {send(inbox, changed={"webhook_id": "msg_2"}) for _ in range(5)} == {404}
    assert [send(inbox) for _ in range(4)].count(204) >= 2
    assert Received.objects.count() <= 4


def test_the_newest_hundred_stay_for_a_day(cast: Cast, inbox: Inbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("apps.inbox.services.KEPT", 3)
    for number in range(5):
        assert send(inbox, str(number).encode()) == 204
    assert [shown.body for shown in page(cast.alice, inbox).context["received"]] == ["4", "3", "2"]
    Received.objects.filter(body=b"2").update(received_at=Now() - timedelta(hours=25))
    assert [shown.body for shown in page(cast.alice, inbox).context["received"]] == ["4", "3"]
    tidy = next(chore.step for chore in CHORES if chore.name == "tidy")
    assert (tidy(), tidy(), Received.objects.count()) == (1, 0, 2)


def test_the_page_costs_the_same_queries_for_more(cast: Cast, inbox: Inbox) -> None:
    counts = []
    for _ in range(2):
        send(inbox)
        with CaptureQueriesContext(connection) as queries:
            page(cast.alice, inbox)
        counts.append(len(queries))
    assert counts[0] == counts[1]


def test_without_a_destination_that_leads_to_it_it_takes_nothing(cast: Cast, inbox: Inbox) -> None:
    destination = Destination.objects.get(url=inbox.url)
    assert send(inbox) == 204
    Destination.objects.filter(pk=destination.pk).update(url="https://example.com/")
    body, now = b"{}", timezone.now()
    signature = Webhook(destination.signing_secret).sign("m", now, body.decode())
    headers = {"webhook-id": "m", "webhook-timestamp": str(int(now.timestamp())), "webhook-signature": signature}
    assert Client().post(f"/inbox/{inbox.key}/", body, "application/json", headers=headers).status_code == 404
    delete_destination(destination=destination, by=cast.admin)
    assert "there is none any more" in page(cast.alice, inbox).content.decode()


def test_one_click_makes_an_inbox_and_a_destination_to_it(cast: Cast) -> None:
    alice, path = sign_in(cast.alice), f"/accounts/{cast.account.pk}"
    live = alice.post(f"{path}/inboxes/", follow=True)
    inbox = Inbox.objects.get()
    assert (Destination.objects.get().url, len(inbox.key)) == (inbox.url, 26)
    assert f"{path}/inboxes/{inbox.key}/" in live.content.decode()
    assert list(Entry.objects.order_by("id").values_list("action", flat=True))[-2:] == ["inbox.created", "destination.created"]
    assert inbox.key not in str(list(Entry.objects.filter(action="inbox.created").values()))


def test_an_account_has_five_at_most(cast: Cast) -> None:
    for _ in range(5):
        open_inbox(by=cast.admin)
    alice, before = sign_in(cast.alice), everything()
    with pytest.raises(LimitReached):
        open_inbox(by=cast.admin)
    assert "at most" not in (text := alice.post(f"/accounts/{cast.account.pk}/inboxes/", follow=True).content.decode())
    assert "5 test receivers" in text
    assert everything() == before


def test_a_normal_user_makes_none(cast: Cast) -> None:
    with pytest.raises(NotAllowed):
        open_inbox(by=cast.normal_user)
    assert not Inbox.objects.exists()


def test_where_no_delivery_may_come_the_page_says_so(cast: Cast, inbox: Inbox, settings: LazySettings) -> None:
    assert "DESTINATION_ALLOWED_NETWORKS" not in page(cast.alice, inbox).content.decode()
    settings.DESTINATION_ALLOWED_NETWORKS = ()
    assert "DESTINATION_ALLOWED_NETWORKS" in page(cast.alice, inbox).content.decode()
    answer = sign_in(cast.alice).post(f"/accounts/{cast.account.pk}/inboxes/", follow=True)
    assert "There is no new test receiver" in answer.content.decode()
    assert Inbox.objects.count() == 1


def test_charlies_inbox_is_not_there(cast: Cast, inbox: Inbox) -> None:
    charlie, before = sign_in(cast.charlie), everything()
    paths = [f"/accounts/{account}/inboxes/{inbox.key}/" for account in (cast.account.pk, cast.other.pk)]
    assert [charlie.get(path).status_code for path in paths] == [404, 404]
    assert everything() == before


def test_a_deleted_account_takes_nothing_and_leaves_nothing(cast: Cast, inbox: Inbox) -> None:
    send(inbox)
    delete_account(by=cast.admin)
    assert send(inbox) == 404
    type(cast.account).objects.filter(pk=cast.account.pk).update(deleted_at=ago(days=8))
    while purge():
        pass
    assert (Inbox.objects.count(), Received.objects.count()) == (0, 0)


def test_the_button_sends_an_event_that_is_like_any_other(cast: Cast) -> None:
    cast.destination("https://example.com/hook")
    alice, path = sign_in(cast.alice), f"/accounts/{cast.account.pk}/sample/"
    answers = [alice.post(path).status_code for _ in range(11)]
    assert answers == [302] * 10 + [429]
    assert (Event.objects.count(), Delivery.objects.filter(status="pending").count()) == (10, 10)
    assert sign_in(cast.bob).post(path).status_code == 403


def test_an_empty_account_says_what_to_do_first(cast: Cast) -> None:
    path, alice = f"/accounts/{cast.account.pk}/live/", sign_in(cast.alice)
    empty, bobs = alice.get(path).content.decode(), sign_in(cast.bob).get(path).content.decode()
    assert ("Create a test receiver" in empty, "Send a test event" in empty, "data-glance" in empty) == (True, False, False)
    assert ("Create a test receiver" in bobs, "An Admin of this account" in bobs) == (False, True)
    open_inbox(by=cast.admin)
    ready = alice.get(path).content.decode()
    assert ("Create a test receiver" in ready, "Send a test event" in ready, "data-glance" in ready) == (False, True, True)
    assert [name for name in ("curl", "Python", "Node", "Go") if f"<summary>{name}</summary>" not in ready] == []
