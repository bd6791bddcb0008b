"""Check 25: whoever can write a name, a header, a payload or an answer writes a script. None runs, and our policy has nothing
to refuse: what comes from outside is text everywhere."""

import json

import pytest
import requests
from playwright.sync_api import expect

from tests.browser.conftest import Visit
from tests.browser.crawl import pages
from tests.browser.person import Person
from tests.fakes.receiver import Receiver, Reply
from tests.integration.product import Embedded

pytestmark = pytest.mark.timeout(300)


def evil(where: str) -> str:
    """Visible ASCII, and each of the ways: an element, an attribute, a script's end, a template."""
    planted = f"ran('{where}')"
    return f"\"'><img/src='x'/onerror={planted}><script>{planted}</script></script><svg/onload={planted}>{{{{7*7}}}}"


ANSWERED = {"X-Evil": evil("answer-header"), "Content-Type": "text/html"}


def furnish(alice: Person, receiver: Receiver) -> None:
    """A name of the account, names and headers of destinations, an event, and what is answered."""
    assert alice.who is not None
    alice.go("live/")
    headers, api = alice.csrf(), alice.page.request
    own = f"/api/v1/accounts/{alice.who.account_id}/"
    named = {"account_name": evil("account"), "website": "https://example.com/"}
    assert api.patch(own, data=named, headers=headers).ok
    for path in ("/up", "/down"):
        made = {
            "account_id": alice.who.account_id,
            "name": evil(f"destination{path}")[:100],
            "url": f"{receiver.url}{path}?<script>ran('url')</script>",
            "http_method": "POST",
            "headers": {"X-Evil": evil("header")},
        }
        answer = api.post("/api/v1/destinations/", data=made, headers=headers)
        assert answer.ok, answer.text()
    post(alice, evil("event-id"))
    post(alice, "large", ["x" * 5000])


def post(alice: Person, event_id: str, *more: object) -> None:
    assert alice.who is not None
    body = {evil("key"): evil("payload"), "turned": "\u202eevil", "more": more, "__proto__": {"polluted": evil("proto")}}
    sent = {"CL-X-TOKEN": alice.who.token, "CL-X-EVENT-ID": event_id, "Content-Type": "application/json"}
    answer = requests.post(f"{alice.product.url}/server/incoming_data", json.dumps(body), headers=sent, timeout=30)
    assert answer.status_code == 202


def test_nothing_that_was_planted_runs(visit: Visit, product: Embedded, receiver: Receiver) -> None:
    receiver.answer = lambda got: Reply(500 if "/down" in got.target else 200, ANSWERED, evil("answer").encode())
    alice = visit(product.prepare())
    furnish(alice, receiver)
    page = alice.watch()
    expect(alice.rows()).to_have_count(4)
    for row in alice.rows().all():
        row.locator("button").click()
        expect(page.locator("#detail-body h2")).to_be_visible()
    assert alice.who is not None
    for path in pages(product, alice.who.session, alice.path("live/")):
        alice.go(path)
        page.wait_for_load_state()
    assert page.evaluate("({}).polluted") is None
    # Who they are is judged when they leave: none ran, and the policy refused nothing (person.py).


def test_a_script_in_the_address_or_a_search_is_text(visit: Visit, product: Embedded, receiver: Receiver) -> None:
    alice = visit(product.prepare(receiver.url, timeout_s=15))
    page = alice.go(f"events/?search={evil('search')}")
    expect(page.locator("input[name=search]")).to_have_value(evil("search"))
    alice.go(f"events/?received_timestamp_after={evil('time')}")
    alice.go(f"/user/login/?next=javascript:ran('next')&{evil('name')}=1")
    alice.watch(f"?span={evil('span')}")
    page.locator("#search").fill(evil("live"))
    expect(page.locator("#no-match")).to_be_visible()
