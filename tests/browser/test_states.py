"""The live page's list of destinations: how each is, without loading the page again."""

import pytest
from playwright.sync_api import Locator, expect

from tests.browser.conftest import Visit
from tests.browser.person import Person
from tests.fakes.receiver import Receiver, Reply
from tests.integration.product import Embedded, Prepared

HIDDEN = """(hidden) => {
  Object.defineProperty(document, "hidden", { value: hidden, configurable: true });
  document.dispatchEvent(new Event("visibilitychange"));
}"""


@pytest.fixture
def alice(visit: Visit, account: Prepared) -> Person:
    alice = visit(account)
    alice.watch()
    alice.send(["order-1"])
    expect(alice.rows()).to_have_count(2)
    return alice


def states(person: Person) -> Locator:
    return person.page.locator(".dest-state")


def destination(person: Person, place: int) -> str:
    return str(person.page.locator("[data-destination]").nth(place).get_attribute("data-destination"))


def asked(person: Person, path: str, **body: object) -> None:
    answer = person.page.request.post(f"/api/v1/destinations/{path}", data=body, headers=person.csrf())
    assert answer.ok, answer.text()


def test_a_try_tells_at_once_and_a_pause_follows(alice: Person) -> None:
    page = alice.page
    expect(states(alice)).to_have_text(["healthy", "failing"])
    down = page.locator("[data-destination]").nth(1)
    down.get_by_text("Manage").click()
    asked(alice, f"{destination(alice, 1)}/pause/")
    expect(states(alice)).to_have_text(["healthy", "paused"])
    expect(down.locator(".shape")).to_have_class("shape mute")
    expect(down).to_contain_text("1 held")
    expect(down.get_by_role("button", name="Resume")).to_be_visible()
    expect(down.get_by_role("button", name="Pause")).to_be_hidden()
    expect(down.locator("summary").first).to_be_focused()
    expect(page.locator("#rows .c-next[data-due]")).to_have_text("held")
    asked(alice, f"{destination(alice, 1)}/resume/")
    expect(down.get_by_role("button", name="Pause")).to_be_visible()


def test_what_the_system_disables_says_why(alice: Person, receiver: Receiver) -> None:
    receiver.answer = lambda _: Reply(410)
    alice.send(["order-2"])
    expect(states(alice)).to_have_text(["disabled", "disabled"])
    expect(alice.page.locator(".dest-note.bad").first).to_contain_text("410")


def test_who_came_and_who_went(alice: Person, account: Prepared, receiver: Receiver) -> None:
    new = {"account_id": account.account_id, "name": "new-one", "url": receiver.url, "http_method": "POST"}
    asked(alice, "", **new, headers={"X-Key": "1"})
    expect(states(alice)).to_have_text(["healthy", "failing", "nothing sent yet"])
    expect(alice.page.locator("#only option")).to_have_count(4)
    gone = alice.page.request.delete(f"/api/v1/destinations/{destination(alice, 1)}/", headers=alice.csrf())
    assert gone.ok
    expect(states(alice)).to_have_text(["healthy", "nothing sent yet"])


def test_nothing_is_asked_for_while_nobody_looks(visit: Visit, product: Embedded, account: Prepared) -> None:
    alice, asked_for = visit(account), list[str]()
    alice.page.clock.install()
    page = alice.watch()
    page.on("request", lambda request: asked_for.append(request.url))
    page.evaluate(HIDDEN, True)
    page.clock.run_for(120_000)
    assert [url for url in asked_for if "/glance/" in url] == []
    with page.expect_request("**/glance/*"):
        page.evaluate(HIDDEN, False)
