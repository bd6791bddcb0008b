"""The live page, looking back: older tries, being behind, and a session that ended."""

import re

import pytest
from playwright.sync_api import Page, WebSocketRoute, expect

from tests.browser.conftest import Visit
from tests.browser.person import Person
from tests.integration.product import Embedded, Prepared

AT = "(id) => document.querySelector(`#rows [data-id='${id}']`).getBoundingClientRect().top"
TO_THE_END = "() => document.getElementById('older-foot').scrollIntoView({ block: 'end' })"
# The first socket comes with a cursor that says nothing to the server.
OF_ANOTHER_EPOCH = """
const Real = WebSocket;
let epoch = "another";
window.WebSocket = function (url, protocol) {
  const socket = new Real(url.replace("epoch=sqlite", `epoch=${epoch}`), protocol);
  epoch = "sqlite";
  return socket;
};
"""
SOCKET = re.compile(r"/ws/accounts/")


def logged(product: Embedded, number: int) -> Prepared:
    """An account with so many tries; fours are written at once."""
    account = product.prepare("http://127.0.0.1:2/hook", retry_schedule=[3600])
    product.run("-m", "tests.integration.writer", str(number), "1", account.account_id)
    return account


def written(product: Embedded, account: Prepared) -> list[str]:
    """The newest first."""
    rows = product.sql("SELECT account_id, id FROM logs_log ORDER BY cursor DESC")
    return [str(log) for owner, log in rows if owner == account.account_id.replace("-", "")]


def shown(alice: Person) -> list[str]:
    return [str(each) for each in alice.rows().evaluate_all("rows => rows.map((row) => row.dataset.id.replaceAll('-', ''))")]


def look_back(alice: Person, times: int) -> None:
    for _ in range(times):
        before = alice.rows().last.get_attribute("data-id") or ""
        alice.page.evaluate(TO_THE_END)
        expect(alice.rows().last).not_to_have_attribute("data-id", before)


def test_scrolled_to_the_first_one_nothing_is_missing_and_nothing_twice(visit: Visit, product: Embedded) -> None:
    alice = visit(account := logged(product, 420))
    page = alice.watch()
    expect(alice.rows()).to_have_count(200)
    alice.send(["while-looking-back"])
    expect(alice.rows()).to_have_count(201)
    look_back(alice, 3)
    expect(page.locator("#older-says")).to_contain_text("This is the first one.")
    expect(page.locator("#older")).to_be_hidden()
    assert shown(alice) == written(product, account)


@pytest.mark.parametrize("width", [1280, 390])
def test_what_is_read_stays_where_it_is_and_the_table_bounded(visit: Visit, product: Embedded, width: int) -> None:
    alice = visit(account := logged(product, 1320), viewport={"width": width, "height": 800})
    page = alice.watch()
    expect(alice.rows()).to_have_count(200)
    look_back(alice, 8)
    read = alice.rows().last.get_attribute("data-id") or ""
    at = page.evaluate(f"(id) => {{ ({TO_THE_END})(); return ({AT})(id); }}", read)
    expect(page.locator("#older-says")).to_contain_text("newer ones made room")
    expect(alice.rows()).to_have_count(1000)
    assert abs(page.evaluate(AT, read) - at) < 1
    look_back(alice, 3)
    expect(alice.rows()).to_have_count(1000)
    assert shown(alice) == written(product, account)[-1000:]
    page.locator("#pill").click()
    expect(page.locator("#pill")).to_be_hidden()
    assert shown(alice) == written(product, account)[: len(shown(alice))]


def test_the_button_loads_too_and_the_focus_goes_on_from_there(visit: Visit, product: Embedded) -> None:
    alice = visit(logged(product, 320))
    page = alice.watch()
    expect(alice.rows()).to_have_count(200)
    page.route("**/logs/?*", lambda route: route.abort())
    page.locator("#older").scroll_into_view_if_needed()
    expect(page.locator("#older-says")).to_have_text("Older ones could not be loaded.")
    page.unroute("**/logs/?*")
    page.get_by_role("button", name="Try again").press("Enter")
    expect(alice.rows()).to_have_count(300)
    expect(alice.rows().nth(200).locator("button")).to_be_focused()
    for _ in range(20):
        page.keyboard.press("j")
    expect(alice.rows().nth(220).locator("button")).to_be_focused()


def test_a_filter_holds_for_what_is_older(visit: Visit, product: Embedded) -> None:
    alice = visit(logged(product, 420))
    page = alice.watch()
    expect(alice.rows()).to_have_count(200)
    page.locator("label", has=page.locator("input[name=status][value='failed']")).click()
    expect(page.locator("#no-match")).to_be_visible()
    expect(page.locator("#older-foot")).to_be_hidden()
    page.locator("label", has=page.locator("input[name=status][value='success']")).click()
    expect(alice.rows()).to_have_count(200)
    with page.expect_request(re.compile(r"status=success.*ordering=-cursor")):
        look_back(alice, 1)


class Slow:
    """Between the page and the server: only the first frame goes through until `let` is called."""

    def __init__(self, page: Page) -> None:
        self.kept: list[str | bytes] = []
        self.open = False
        page.route_web_socket(SOCKET, self.join)

    def join(self, route: WebSocketRoute) -> None:
        self.route = route
        route.connect_to_server().on_message(self.heard)

    def heard(self, frame: str | bytes) -> None:
        if self.open or '"hello"' in str(frame):
            self.route.send(frame)
        else:
            self.kept.append(frame)

    def let(self) -> None:
        self.open = True
        for frame in self.kept:
            self.route.send(frame)


def test_behind_until_what_was_missed_has_come(visit: Visit, product: Embedded) -> None:
    alice = visit(logged(product, 20))
    slow = Slow(alice.page)
    page = alice.go("live/")
    expect(page.locator("#state")).to_have_class("badge warn")
    expect(page.locator("#state-word")).to_have_text("Behind")
    slow.let()
    expect(page.locator("#state-word")).to_have_text("Live")
    expect(alice.rows()).to_have_count(20)


def test_who_follows_and_is_reset_sees_the_newest_without_a_hole(visit: Visit, product: Embedded) -> None:
    alice = visit(account := logged(product, 300))
    alice.page.add_init_script(OF_ANOTHER_EPOCH)
    page = alice.watch()
    expect(alice.rows()).to_have_count(200)
    assert shown(alice) == written(product, account)[:200]
    expect(page.locator("#rows .divider")).to_have_count(0)


def test_an_ended_session_leads_to_signing_in_and_back(visit: Visit, account: Prepared) -> None:
    alice = visit(account)
    page = alice.go("destinations/")
    page.locator("main a:has(bdi)").first.click()
    expect(page.locator("[data-glance]")).to_be_visible()
    alice.context.clear_cookies()
    page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    expect(page).to_have_url(re.compile(r"/login/\?next=.*destinations"))
