"""The live page, as it is used."""

import re
import time

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Visit
from tests.browser.person import Person
from tests.fakes.receiver import Receiver
from tests.integration.product import Embedded, Prepared


def shown(person: Person) -> list[str]:
    """The ids of the rows: each try has one of its own."""
    ids = person.rows().evaluate_all("rows => rows.map((row) => row.dataset.id)")
    return [str(each) for each in ids]


def choose(page: Page, status: str) -> None:
    page.locator("label", has=page.locator(f"input[name=status][value='{status}']")).click()


def test_a_try_appears_by_itself(visit: Visit, account: Prepared) -> None:
    alice = visit(account)
    page = alice.watch()
    alice.send(["order-1"])
    expect(alice.rows()).to_have_count(2)
    expect(alice.rows().locator(".badge.ok")).to_have_count(1)
    expect(alice.rows().locator(".badge.bad")).to_have_count(1)
    expect(page.locator("#rows .c-next[data-due]")).to_have_text(re.compile(r"in \d+:\d\d"))


def test_a_killed_server_leaves_no_gap_and_no_double(visit: Visit, product: Embedded, receiver: Receiver) -> None:
    alice = visit(product.prepare(receiver.url, timeout_s=15))
    page = alice.watch()
    alice.send(f"before-{number}" for number in range(10))
    expect(alice.rows()).to_have_count(10)
    product.kill("serve")
    expect(page.locator("#state-word")).to_have_text("Reconnecting")
    product.wait()
    alice.send(f"after-{number}" for number in range(10))
    expect(alice.rows()).to_have_count(20)
    assert len(set(shown(alice))) == 20


def test_a_filter_is_the_servers_and_holds_for_what_comes(visit: Visit, account: Prepared) -> None:
    alice = visit(account)
    page = alice.watch()
    alice.send(["order-1", "order-2"])
    expect(alice.rows()).to_have_count(4)
    choose(page, "failed")
    expect(alice.rows()).to_have_count(2)
    alice.send(["order-3"])
    expect(alice.rows()).to_have_count(3)
    page.locator("#search").fill("order-3")
    expect(alice.rows()).to_have_count(1)
    choose(page, "")
    expect(alice.rows()).to_have_count(2)
    alice.send(["order-3-again", "order-4"])
    expect(alice.rows()).to_have_count(4)
    page.locator("#search").fill("nothing-like-it")
    page.get_by_role("button", name="Show all").click()
    expect(alice.rows()).to_have_count(10)


def test_one_destination_can_be_chosen(visit: Visit, account: Prepared) -> None:
    alice = visit(account)
    page = alice.watch()
    alice.send(["order-1"])
    expect(alice.rows()).to_have_count(2)
    page.locator("#only").select_option(index=1)
    expect(alice.rows()).to_have_count(1)


def test_paused_nothing_moves_and_going_on_shows_what_waited(visit: Visit, account: Prepared) -> None:
    alice = visit(account)
    page = alice.watch()
    alice.send(["order-1"])
    expect(alice.rows()).to_have_count(2)
    page.keyboard.press("p")
    expect(page.locator("#state-word")).to_have_text("Paused")
    alice.send(["order-2"])
    expect(page.locator("#pill")).to_have_text("2 new")
    expect(alice.rows()).to_have_count(2)
    page.get_by_role("button", name="Go on").click()
    expect(alice.rows()).to_have_count(4)
    expect(page.locator("#state-word")).to_have_text("Live")


def test_what_comes_too_quickly_is_summed_up_and_can_be_filled(visit: Visit, product: Embedded, receiver: Receiver) -> None:
    alice = visit(product.prepare(receiver.url, timeout_s=15))
    page = alice.watch()
    alice.send((f"burst-{number}" for number in range(200)), at_once=32)
    expect(page.locator("#rows .summed").first).to_be_visible()
    expect(page.locator("#rate")).to_have_text(re.compile(r"shown \d+ of \d+"))
    end = time.monotonic() + 30
    while alice.rows().count() < 200 and time.monotonic() < end:
        page.evaluate("document.querySelector('#rows .fill, #pill:not([hidden])')?.click()")
        page.wait_for_timeout(100)
    expect(alice.rows()).to_have_count(200)
    assert len(set(shown(alice))) == 200


def test_a_failed_try_says_why_and_can_be_replayed(visit: Visit, account: Prepared, receiver: Receiver) -> None:
    alice = visit(account)
    page = alice.watch()
    alice.send(["order-1"])
    page.locator("#rows tr.failed button").click()
    expect(page.locator("#detail-body")).to_contain_text("503 Service Unavailable")
    expect(page.locator("#detail-body .phases").first).to_have_text(
        re.compile(r"(connect \d+|kept connection) · first byte [\d,]+ ms")
    )
    page.locator("#detail-title").click()
    page.keyboard.press("r")
    page.locator("#detail-body").get_by_role("button", name="Replay").click()
    expect(page.locator("#detail-body")).to_contain_text("Sent again")
    expect(alice.rows()).to_have_count(3)
    assert len({request.header("webhook-id") for request in receiver.got if request.target.endswith("/down")}) == 1


def test_removed_while_watching_one_is_told(visit: Visit, product: Embedded, account: Prepared) -> None:
    bob = product.member(account, "Normal user")
    page = visit(bob).watch()
    product.remove(bob)
    expect(page.locator("#notice")).to_contain_text("no longer a member")


@pytest.mark.parametrize("role", ["Normal user"])
def test_a_changed_role_is_told(visit: Visit, product: Embedded, account: Prepared, role: str) -> None:
    admin = product.member(account, "Admin")
    page = visit(admin).watch()
    product.give_role(admin, role)
    expect(page.locator("#notice")).to_contain_text(f"Your role is now {role}")


def test_times_are_the_viewers_and_exact_on_hover(visit: Visit, account: Prepared) -> None:
    alice = visit(account, timezone_id="Asia/Kolkata")
    page = alice.watch()
    alice.send(["order-1"])
    expect(page.locator("#rows .c-time time").first).to_have_attribute("title", re.compile(r"\+05:30$"))
    page = alice.go("events/")
    expect(page.locator("td time").first).to_have_attribute("title", re.compile(r"\+05:30$"))


def test_a_typed_time_is_the_viewers(visit: Visit, account: Prepared) -> None:
    alice = visit(account, timezone_id="Asia/Kolkata")
    alice.send(["order-1"])
    page = alice.go("events/?received_timestamp_after=2026-01-01T12:00")
    typed = page.locator("input[name=received_timestamp_after]")
    expect(typed).to_have_value("2026-01-01T17:30")
    typed.fill("2026-01-01T06:00")
    page.get_by_role("button", name="Filter").click()
    expect(page).to_have_url(re.compile(r"received_timestamp_after=2026-01-01T00%3A30%3A00"))
    expect(typed).to_have_value("2026-01-01T06:00")
