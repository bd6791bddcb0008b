"""The pages of destinations: the list, how one fares, its settings, its signature."""

import html
import re
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from apps.audit.models import Entry
from apps.common.ids import uuid7
from apps.destinations.models import Destination
from apps.destinations.services import pause, update_destination
from apps.logs.models import Log
from apps.logs.services import book, roll_up
from tests.browsing import everything, sign_in
from tests.cast import Cast
from tests.fakes.receiver import Receiver, Reply
from tests.writing import BROKEN, GOOD, TIMEOUT, deliver, post

HOOK = "http://127.0.0.1:2/hook"
VALUE = "a-secret-value"


@pytest.fixture
def alice(cast: Cast) -> Client:
    return sign_in(cast.alice)


def path(destination: Destination, below: str = "") -> str:
    return f"/accounts/{destination.account_id}/destinations/{destination.pk}/{below}"


def save(client: Client, destination: Destination, **fields: str) -> Any:
    shown = client.get(path(destination, "settings/")).context["form"].initial
    return client.post(path(destination, "settings/"), shown | fields)


def test_the_settings_show_no_header_value_and_saving_keeps_each(cast: Cast, alice: Client) -> None:
    destination = cast.destination(HOOK, headers={"X-Key": VALUE, "X-Other": "other-value"})
    page = alice.get(path(destination, "settings/")).content.decode()
    assert ("X-Key: ********" in page, VALUE in page) == (True, False)
    answer = save(alice, destination, timeout_s="5", retry_schedule="1, 2 3", headers="X-Key: ********\nX-New: new")
    assert answer["Location"] == path(destination)
    destination.refresh_from_db()
    assert destination.headers == {"X-Key": VALUE, "X-New": "new"}
    assert (destination.timeout_s, destination.retry_schedule) == (5, [1, 2, 3])


def test_bob_may_save_the_settings_too_and_sees_no_other_action(cast: Cast) -> None:
    destination, bob = cast.destination(HOOK), sign_in(cast.bob)
    assert save(bob, destination, name="Bob's").status_code == 302
    pages = [bob.get(path(destination, below)).content.decode() for below in ("", "settings/", "signing/")]
    actions = [path(destination, f"{each}/") for each in ("pause", "resume", "delete", "test", "secret", "secret/rotate")]
    assert [action for action in actions for page in pages if action in page] == []


@pytest.mark.parametrize(
    ("field", "value"),
    [("url", "http://127.0.0.1:2/a b"), ("url", "http://127.0.0.1:99999/"), ("url", "http://[x]/"),
     ("url", ""), ("http_method", "HEAD"), ("headers", "no colon"), ("headers", "Host: x"),
     ("timeout_s", "31"), ("timeout_s", "9" * 5000), ("retry_schedule", "5; 6"), ("retry_schedule", "0"), ("name", "\x00"),
     ("headers", "X-Unknown: ********"), ("retry_schedule", "1," * 31),
     ("rate_limit", "-1"), ("rate_limit", "1e999"), ("concurrency", "0")],
)  # fmt: skip
def test_what_is_wrong_stands_beside_its_field_and_what_was_typed_is_kept(
    cast: Cast, alice: Client, field: str, value: str
) -> None:
    destination = cast.destination(HOOK)
    before = everything()
    page = save(alice, destination, **{field: value, "name" if field != "name" else "url": "http://127.0.0.1:2/typed"})
    assert (page.status_code, list(page.context["form"].errors)) == (400, [field])
    text = page.content.decode()
    assert (f'id="id_{field}_error"' in text, "http://127.0.0.1:2/typed" in text) == (True, True)
    assert everything() == before


def test_a_url_that_leads_elsewhere_needs_every_header_value_anew(cast: Cast, alice: Client) -> None:
    destination = cast.destination(HOOK)
    before = everything()
    page = save(alice, destination, url="https://other.example/hook")
    assert (page.status_code, list(page.context["form"].errors)) == (400, ["headers"])
    assert everything() == before
    assert save(alice, destination, url="https://other.example/hook", headers="X-Key: anew").status_code == 302


def test_who_saves_over_another_change_is_told_and_may_then(cast: Cast, alice: Client) -> None:
    destination = cast.destination(HOOK)
    update_destination(destination=destination, by=cast.normal_user, changes={"name": "Bob's"})
    page = save(alice, destination, name="Alice's", version="1")
    assert (page.status_code, "Somebody saved other changes" in page.content.decode()) == (409, True)
    assert Destination.objects.get().name == "Bob's"
    assert save(alice, destination, name="Alice's", version=page.context["form"]["version"].value()).status_code == 302


def test_a_test_shows_what_was_sent_and_what_came_of_it(cast: Cast, alice: Client, receiver: Receiver) -> None:
    receiver.answer = lambda request: Reply(503, {"X-Why": "moving"}, b"<b>down</b> " + request.header("X-Key").encode())
    destination = cast.destination(receiver.url)
    page = alice.post(path(destination, "test/"), {"body": '{"n": 1}'})
    text = page.content.decode()
    assert (page.status_code, receiver.got[0].body) == (200, b'{"n":1}')
    shown = ("503 Service Unavailable", receiver.url, "127.0.0.1", "webhook-signature", "X-Why", "&lt;b&gt;down&lt;/b&gt; ***")
    assert [each in text for each in shown] == [True] * len(shown)
    assert (VALUE in text, Log.objects.count()) == (False, 0)


@pytest.mark.parametrize("body", ["{", "1", "[" * 5000, "[" * 65 + "]" * 65, '["\\ud800"]', "[NaN]", "[" + "9" * 5000 + "]"])
def test_what_is_no_test_is_said_beside_the_field(cast: Cast, alice: Client, receiver: Receiver, body: str) -> None:
    page = alice.post(path(cast.destination(receiver.url), "test/"), {"body": body})
    assert (page.status_code, list(page.context["form"].errors), receiver.got) == (400, ["body"], [])
    assert html.escape(body)[:40] in page.content.decode()


def test_the_eleventh_test_of_a_minute_has_to_wait(cast: Cast, alice: Client, receiver: Receiver) -> None:
    destination = cast.destination(receiver.url)
    codes = [alice.post(path(destination, "test/")).status_code for _ in range(11)]
    assert (codes, len(receiver.got)) == ([200] * 10 + [429], 10)


def test_failures_are_grouped_by_cause_with_what_to_do(cast: Cast, alice: Client) -> None:
    destination = cast.destination(HOOK)
    post(cast, *[b"[]"] * 4)
    deliver(BROKEN, TIMEOUT, BROKEN, GOOD)
    roll_up()
    book()
    page = alice.get(path(destination))
    assert [(cause.count, headline) for cause, headline, _ in page.context["causes"]] == [
        (2, "503 Service Unavailable"),
        (1, "No answer in time"),
    ]
    assert [(card.value, card.unit) for card in page.context["cards"]] == [
        ("4", " deliveries"),
        ("25", " %"),
        ("15,159", " ms"),
        ("3", ""),
    ]
    assert page.context["looked_at"] == 4
    assert f"/events/{Log.objects.filter(error='timeout').get().event_id}/#d-" in page.content.decode()


def test_alice_pauses_resumes_and_deletes(cast: Cast, alice: Client) -> None:
    destination = cast.destination(HOOK)
    assert alice.post(path(destination, "pause/"))["Location"] == path(destination)
    assert "Resume" in alice.get(path(destination)).content.decode()
    assert alice.post(path(destination, "resume/"), {"live": "1"})["Location"].endswith("/live/")
    assert alice.post(path(destination, "delete/"))["Location"] == f"/accounts/{cast.account.pk}/destinations/"
    assert [alice.get(path(destination, below)).status_code for below in ("", "settings/", "signing/")] == [404] * 3


def test_the_secret_stands_only_on_the_page_that_was_asked_for_it(cast: Cast, alice: Client) -> None:
    destination = cast.destination(HOOK)
    page = alice.post(path(destination, "secret/"))
    assert (html.escape(destination.signing_secret) in page.content.decode(), "no-store" in page["Cache-Control"]) == (
        True,
        True,
    )
    assert Entry.objects.filter(action="secret.revealed").count() == 1
    others = [alice.get(path(destination, below)).content.decode() for below in ("", "settings/", "signing/")]
    assert [page for page in others if destination.signing_secret in html.unescape(page)] == []


def test_a_rotated_secret_is_shown_and_the_old_one_signs_for_its_grace(cast: Cast, alice: Client) -> None:
    destination = cast.destination(HOOK)
    page = alice.post(path(destination, "secret/rotate/"), {"grace_seconds": "3600"})
    now = Destination.objects.get()
    assert (page.context["secret"], now.previous_secret) == (now.signing_secret, destination.signing_secret)
    before = everything()
    assert alice.post(path(destination, "secret/rotate/"), {"grace_seconds": "604801"}).status_code == 400
    assert everything() == before


def test_the_code_that_verifies_is_the_one_that_the_documents_run(cast: Cast, alice: Client) -> None:
    page = alice.get(path(cast.destination(HOOK), "signing/")).content.decode()
    snippets = [html.unescape(each) for each in re.findall(r'<pre id="verify-\w+">(.*?)</pre>', page, re.DOTALL)]
    documents = (Path(__file__).parents[2] / "docs" / "api.md").read_text()
    blocks = [block for each in snippets for block in each.split("\n\n")]
    assert len(snippets) == 3
    assert [block for block in blocks if block not in documents] == []


def test_the_list_finds_by_url_and_state_and_says_what_to_do_when_it_is_empty(cast: Cast, alice: Client) -> None:
    listed = f"/accounts/{cast.account.pk}/destinations/"
    assert "Add a destination" in alice.get(listed).content.decode()
    one, two = cast.destination(HOOK, name="one"), cast.destination("https://two.example/", name="two")
    pause(destination=two, by=cast.admin)
    found = {
        query: alice.get(listed + query).context["shelf"].rows for query in ("", "?search=127.0", "?state=paused", "?search=no")
    }
    assert list(found.values()) == [[two, one], [one], [two], []]
    assert [alice.get(listed + query).status_code for query in ("?state=x", "?cursor=x", "?search=%00")] == [400, 404, 400]


def test_the_list_and_the_page_cost_the_same_queries_for_more(cast: Cast, alice: Client) -> None:
    counts = []
    for more in (1, 30):
        for number in range(more):
            cast.destination(f"https://h{number}.example/")
        with CaptureQueriesContext(connection) as queries:
            alice.get(f"/accounts/{cast.account.pk}/destinations/")
            alice.get(path(Destination.objects.earliest("id")))
        counts.append(len(queries))
    assert counts[0] == counts[1]


def test_charlies_destination_is_not_there(cast: Cast, alice: Client) -> None:
    own = cast.destination(HOOK)
    before = everything()
    paths = [path(Destination(pk=uuid7(), account=cast.account)), path(Destination(pk=own.pk, account=cast.other))]
    assert [alice.get(each).status_code for each in paths] == [404, 404]
    assert [alice.post(f"{each}delete/").status_code for each in paths] == [404, 404]
    assert everything() == before
