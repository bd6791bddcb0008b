"""The pages of events and deliveries: what came in, what became of it, and sending it again."""

import re
from dataclasses import replace
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from apps.deliveries.models import Delivery
from apps.deliveries.request import Error, Outcome, Phases
from apps.deliveries.views.timings import bar
from apps.destinations.services import delete_destination, pause, update_destination
from apps.events.models import Event
from tests.browsing import everything, sign_in
from tests.cast import Cast
from tests.writing import BROKEN, GOOD, deliver, post

HOOK = "http://127.0.0.1:2/hook"
ODD = b'{"b": 1.10,\t"a": [1e5, 12345678901234567890123], "x": "<script>\\u202e\xe2\x80\xae"}'


@pytest.fixture
def alice(cast: Cast) -> Client:
    return sign_in(cast.alice)


def path(cast: Cast, below: str) -> str:
    return f"/accounts/{cast.account.pk}/{below}/"


def event_path(cast: Cast, below: str = "") -> str:
    return path(cast, f"events/{Event.objects.earliest('id').pk}" + (f"/{below}" if below else ""))


def shown(cast: Cast, client: Client, query: str = "", what: str = "events") -> list[str]:
    page = client.get(path(cast, what) + query)
    assert page.status_code == 200
    return [row.event_id if what == "events" else row.event.event_id for row in page.context["shelf"].rows]


def test_the_data_is_shown_pretty_and_raw_and_downloaded_as_it_came(cast: Cast, alice: Client) -> None:
    post(cast, ODD)
    page = alice.get(event_path(cast))
    assert page.context["pretty"].splitlines()[:4] == ["{", '  "b": 1.10,', '  "a": [', "    1e5,"]
    assert ("12345678901234567890123" in page.context["raw"], "\u202e" in page.content.decode()) == (True, False)
    answer = alice.get(event_path(cast, "data"))
    assert (answer.content, answer["Content-Type"], answer["X-Content-Type-Options"]) == (ODD, "application/json", "nosniff")
    assert answer["Content-Disposition"].startswith("attachment;")


def test_large_data_is_shown_in_part_and_downloaded_whole(cast: Cast, alice: Client) -> None:
    post(cast, b'["' + "€".encode() * 40_000 + b'"]')
    page = alice.get(event_path(cast))
    assert (page.context["pretty"], "first 64 KiB" in page.content.decode()) == ("", True)
    assert len(alice.get(event_path(cast, "data")).content) == 120_004


def test_each_try_says_where_its_time_went(cast: Cast, alice: Client) -> None:
    for _ in range(4):
        cast.destination(HOOK)
    post(cast, b"{}")
    anew = Outcome(Error.NONE, 200, 1_204, phases=Phases(2, 9, 31, 1_162))
    kept = Outcome(Error.NONE, 200, 34, phases=Phases(first_byte_ms=34))
    silent = Outcome(Error.TIMEOUT, None, 15_000, phases=Phases(dns_ms=0, connect_ms=9))
    deliver(anew, kept, silent, GOOD)
    page = re.sub(r"<[^>]*>|\s+", " ", alice.get(event_path(cast)).content.decode())
    words = re.sub(r" +", " ", page)
    assert words.count("DNS 2 · connect 9 · TLS 31 · first byte 1,162 ms") == 1
    assert words.count("kept connection · first byte 34 ms") == words.count("DNS 0 · connect 9 ms · no first byte") == 1
    assert (words.count("kept connection"), words.count("first byte")) == (1, 3)


def test_the_bar_of_a_try_is_as_long_as_its_parts_and_shows_the_smallest(cast: Cast) -> None:
    whole, silent = bar(Phases(0, 1, 31, 1_162), 1_196), bar(Phases(connect_ms=100), 1_000)
    assert whole is not None
    assert silent is not None
    assert sum(part.share for part in whole.parts) == pytest.approx(100, abs=0.1)
    assert [part.share >= 1.4 for part in whole.parts] == [False, True, True, True]
    assert (silent.parts[0].share, bar(Phases(), 12)) == (10, None)


def test_each_destination_stands_with_its_state_and_why(cast: Cast, alice: Client) -> None:
    fine, down, held, gone = (cast.destination(HOOK, name=name) for name in ("fine", "down", "held", "gone"))
    post(cast, b"{}")
    deliver(GOOD, BROKEN, BROKEN, BROKEN)
    cast.destination(HOOK, name="later")
    pause(destination=held, by=cast.admin)
    page = alice.get(event_path(cast))
    told = {story.delivery.destination.name: (story.word, story.why) for story in page.context["stories"]}
    assert [told[each.name][0] for each in (fine, down, held, gone)] == ["success", "retrying", "held", "retrying"]
    assert "503 Service Unavailable. The receiver failed." in told["down"][1]
    assert list(page.context["without"]) == ["later"]


def test_what_was_sent_is_shown_without_secrets_and_without_a_signature(cast: Cast, alice: Client) -> None:
    destination = cast.destination(HOOK, headers={"Authorization": "a-secret-value"})
    post(cast, b"{}")
    deliver(Outcome(Error.HTTP_STATUS, 500, 3, (("X-A", "b"),), b"echo"))
    update_destination(destination=destination, by=cast.admin, changes={"timeout_s": 3})
    page = alice.get(event_path(cast))
    sent, text = page.context["stories"][0].sent, page.content.decode()
    assert (sent.method, sent.url, sent.headers["Authorization"]) == ("POST", HOOK, "********")
    assert (sent.headers["webhook-signature"], "a-secret-value" in text, "v1," in text) == ("********", False, False)
    assert "this is how it stands now" in " ".join(text.split())


def test_what_was_sent_is_said_to_be_by_todays_settings_and_whether_they_changed(cast: Cast, alice: Client) -> None:
    destination = cast.destination(HOOK)
    post(cast, b"{}")
    deliver(BROKEN)
    pause(destination=destination, by=cast.admin)
    same = alice.get(event_path(cast)).content.decode()
    assert ["by the settings of today" in same, "have not been changed" in same] == [True, True]
    update_destination(destination=destination, by=cast.admin, changes={"http_method": "PUT"})
    other = alice.get(event_path(cast)).content.decode()
    assert ["settings changed since" in other, "have not been" in other, f"PUT {HOOK}" in other] == [True, False, True]


def test_alice_replays_to_one_and_to_all(cast: Cast, alice: Client) -> None:
    one, _ = cast.destination(HOOK), cast.destination(HOOK)
    post(cast, b"{}")
    deliver(GOOD)
    assert alice.post(event_path(cast, "replay"), {"destination_id": str(one.pk)})["Location"] == event_path(cast)
    deliver(GOOD)
    page = alice.post(event_path(cast, "replay"), follow=True)
    assert "Sent again to 2 destinations." in page.content.decode()
    assert Delivery.objects.filter(replay_of__isnull=False).count() == 3


def test_a_replay_beside_an_open_one_is_refused_beside_the_button(cast: Cast, alice: Client) -> None:
    destination = cast.destination(HOOK)
    post(cast, b"{}")
    alice.post(event_path(cast, "replay"))
    before = everything()
    for fields in ({}, {"destination_id": str(destination.pk)}):
        page = alice.post(event_path(cast, "replay"), fields)
        assert (page.status_code, "Nothing was sent again" in page.content.decode()) == (409, True)
    assert everything() == before


@pytest.mark.parametrize("destination", ["x", "\x00", "019a0f2e-1111-7c3e-9a52-3f1d8a1b2c3d"])
def test_a_replay_to_nowhere_is_not_found(cast: Cast, alice: Client, destination: str) -> None:
    cast.destination(HOOK)
    post(cast, b"{}")
    before = everything()
    assert alice.post(event_path(cast, "replay"), {"destination_id": destination}).status_code == 404
    assert everything() == before


def test_alice_cancels_what_is_open_and_is_told_when_it_is_not(cast: Cast, alice: Client) -> None:
    cast.destination(HOOK)
    post(cast, b"{}")
    delivery = Delivery.objects.get()
    cancel = path(cast, f"deliveries/{delivery.pk}/cancel")
    assert alice.post(cancel)["Location"] == f"{event_path(cast)}#d-{delivery.pk}"
    before = everything()
    page = alice.post(cancel)
    assert (page.status_code, "It is cancelled already." in page.content.decode()) == (409, True)
    assert everything() == before


def test_bob_sees_all_of_it_and_no_action(cast: Cast) -> None:
    cast.destination(HOOK)
    post(cast, b"{}")
    bob = sign_in(cast.bob)
    pages = [event_path(cast), path(cast, f"deliveries/{Delivery.objects.get().pk}")]
    texts = [bob.get(page).content.decode().partition("<main")[2] for page in pages]
    assert [("<form" in text, "Replay" in text, "waiting" in text) for text in texts] == [(False, False, True)] * 2


def test_a_delivery_shows_all_its_tries_where_the_event_shows_ten(cast: Cast, alice: Client) -> None:
    cast.destination(HOOK, retry_schedule=[1] * 14)
    post(cast, b"{}")
    for _ in range(13):
        Delivery.objects.update(queue=Delivery.Queue.READY)
        deliver(replace(BROKEN, response_status=404))  # it answers: no breaker opens
    delivery = path(cast, f"deliveries/{Delivery.objects.get().pk}")
    event = alice.get(event_path(cast))
    assert (len(event.context["stories"][0].tries), delivery in event.content.decode()) == (10, True)
    assert [each.log.attempt for each in alice.get(delivery).context["story"].tries] == list(range(13, 0, -1))


def test_events_are_found_by_words_and_time(cast: Cast, alice: Client) -> None:
    assert "Send an event" in alice.get(path(cast, "events")).content.decode()
    post(cast, b'{"kind": "invoice"}', b'{"kind": "order"}')
    assert shown(cast, alice) == ["e1", "e0"]
    assert [shown(cast, alice, query) for query in ("?search=inv", "?search=e1", "?search=nothing", "?search=")] == [
        ["e0"], ["e1"], [], ["e1", "e0"]
    ]  # fmt: skip
    assert shown(cast, alice, "?received_timestamp_after=2020-01-01T10:00&received_timestamp_before=2020-01-02T10:00") == []


def test_deliveries_are_found_by_state_destination_and_event(cast: Cast, alice: Client) -> None:
    one, two = cast.destination(HOOK, name="one"), cast.destination(HOOK, name="two")
    post(cast, b"[]", b"[]")
    deliver(GOOD, GOOD, BROKEN, BROKEN)
    listed = [shown(cast, alice, f"?{query}", "deliveries") for query in ("status=success", "event_id=e0", "reason=deleted")]
    assert [len(each) for each in listed] == [2, 2, 0]
    assert len(shown(cast, alice, f"?destination_id={two.pk}&status=&reason=", "deliveries")) == 2
    delete_destination(destination=one, by=cast.admin)
    assert len(shown(cast, alice, "", "deliveries")) == 4


@pytest.mark.parametrize(
    "query",
    ["events/?received_timestamp_after=x", "events/?search=%00", "deliveries/?status=x", "deliveries/?destination_id=1",
     "deliveries/?created_at_before=99999-01-01", "deliveries/?event_id=%00"],
)  # fmt: skip
def test_a_filter_that_cannot_be_is_named_and_what_was_typed_is_kept(cast: Cast, alice: Client, query: str) -> None:
    page = alice.get(f"/accounts/{cast.account.pk}/{query}")
    name = query.partition("?")[2].partition("=")[0]
    assert (page.status_code, list(page.context["shelf"].errors)) == (400, [name])
    text = page.content.decode()
    assert [each in text for each in (f'name="{name}"', f'id="{name}_error"', f"{name}</code>:")] == [True, True, False]


@pytest.mark.parametrize("what", ["events", "deliveries"])
@pytest.mark.parametrize("query", ["cursor=x", "page_size=0", "ordering=x"])
def test_a_link_that_is_not_ours_leads_to_no_page(cast: Cast, alice: Client, what: str, query: str) -> None:
    assert alice.get(f"{path(cast, what)}?{query}").status_code == 404


@pytest.mark.parametrize("what", ["events", "deliveries"])
def test_a_list_goes_on_by_its_links_and_costs_the_same_for_one_and_for_fifty(cast: Cast, alice: Client, what: str) -> None:
    cast.destination(HOOK)
    seen: list[tuple[int, Any]] = []
    for number, bodies in ((0, 1), (1, 55)):
        post(cast, *[b"[]"] * bodies, first=number)
        with CaptureQueriesContext(connection) as queries:
            shelf = alice.get(path(cast, what)).context["shelf"]
        seen.append((len(queries), shelf))
    (one, _), (fifty, first) = seen
    second = alice.get(first.links["next"]).context["shelf"]
    assert (one == fifty, len(first.rows), len(second.rows)) == (True, 50, 6)


def test_an_event_at_fifty_destinations_costs_the_queries_of_one(cast: Cast, alice: Client) -> None:
    counts = []
    for more in (1, 49):
        for number in range(more):
            cast.destination(f"https://h{number}.example/")
        post(cast, b"{}", first=more)
        with CaptureQueriesContext(connection) as queries:
            page = alice.get(path(cast, f"events/{Event.objects.latest('id').pk}"))
        counts.append((len(queries), len(page.context["stories"])))
    assert counts == [(counts[0][0], 1), (counts[0][0], 50)]


def test_charlies_events_are_not_there(cast: Cast, alice: Client) -> None:
    cast.destination(HOOK)
    post(cast, b"{}")
    charlie, delivery = sign_in(cast.charlie), Delivery.objects.get()
    own = event_path(cast).replace(str(cast.account.pk), str(cast.other.pk))
    before = everything()
    assert [charlie.get(each).status_code for each in (own, f"{own}data/", event_path(cast))] == [404] * 3
    cancel = f"/accounts/{cast.other.pk}/deliveries/{delivery.pk}/cancel/"
    assert [charlie.post(each).status_code for each in (f"{own}replay/", cancel)] == [404] * 2
    assert everything() == before


@pytest.mark.parametrize(
    ("query", "shown"),
    [("deliveries/?status=lost", ["<option selected>lost</option>", "State: Select a valid choice"]),
     ("deliveries/?created_at_after=soon", ['value="soon"', "From: Enter a valid date/time."]),
     ("events/?received_timestamp_before=1950-01-01T00:00", ['value="1950-01-01T00:00"', "to: A time between"]),
     ("events/?size=x", ["<code>size</code>: Enter a whole number."]),
     ("destinations/?state=lost", ["<option selected>lost</option>", "State: Select a valid choice"]),
     ("replays/?state=lost", ["<code>state</code>: Select a valid choice"]),
     ("replays/new/?status=failed&rate=x", ['value="x"', "At most: Enter a whole number."])],
)  # fmt: skip
def test_a_wrong_filter_is_said_by_its_label_beside_what_was_typed(
    cast: Cast, alice: Client, query: str, shown: list[str]
) -> None:
    page = alice.get(f"/accounts/{cast.account.pk}/{query}")
    text = page.content.decode()
    assert (page.status_code, [each for each in shown if each not in text]) == (400, [])


def test_the_code_that_sends_data_is_a_link_away(cast: Cast, alice: Client) -> None:
    settings, events = f"/accounts/{cast.account.pk}/settings/", f"/accounts/{cast.account.pk}/events/"
    samples = [f'id="{each}"' for each in ("curl", "sample-python", "sample-node", "sample-go")]
    empty = alice.get(events).content.decode()
    post(cast, b"{}")
    assert f'href="{settings}#send"' in alice.get(events).content.decode()
    pages = [empty, *(sign_in(who).get(settings).content.decode() for who in (cast.alice, cast.bob))]
    assert [(each, page) for page in pages for each in (*samples, "&lt;your token&gt;") if each not in page] == []
    revealed = alice.post(f"/accounts/{cast.account.pk}/token/").content.decode()
    assert revealed.count(cast.token) == 1


@pytest.mark.parametrize("below", ["destinations/", "deliveries/"])
def test_without_a_destination_who_may_is_offered_a_test_receiver_too(cast: Cast, alice: Client, below: str) -> None:
    inbox, bob = f"/accounts/{cast.account.pk}/inboxes/", sign_in(cast.bob)
    texts = [client.get(f"/accounts/{cast.account.pk}/{below}").content.decode() for client in (alice, bob)]
    assert [(inbox in text, "destinations/new/" in text) for text in texts] == [(True, True), (False, False)]
    before = everything()
    assert (bob.post(inbox).status_code, everything() == before) == (403, True)
