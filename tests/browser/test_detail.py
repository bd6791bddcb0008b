"""The detail of the live page: all tries of an event, whenever they were made."""

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import Visit
from tests.browser.person import Person
from tests.fakes.receiver import Receiver, Reply
from tests.integration.product import Embedded, Prepared

# More than the page shows when it opens.
LATER = "240"


@pytest.fixture
def alice(visit: Visit, product: Embedded) -> Person:
    """Both tries of hers failed long ago, and she sends the event again while she watches."""
    account: Prepared = product.prepare("http://127.0.0.1:2/down", retry_schedule=[1])
    alice = visit(account)
    page = alice.watch()
    alice.send(["order-1"])
    expect(alice.rows()).to_have_count(2)
    product.run("-m", "tests.integration.writer", LATER, "1", account.account_id)
    alice.watch()
    expect(alice.rows()).to_have_count(200)
    expect(alice.rows().filter(has_text="order-1")).to_have_count(0)
    own = page.request.get(f"/api/v1/accounts/{account.account_id}/events/?event_id=order-1").json()["results"][0]["id"]
    assert page.request.post(f"/api/v1/events/{own}/replay/", data={}, headers=alice.csrf()).ok
    return alice


def again(alice: Person) -> Locator:
    return alice.rows().filter(has_text="order-1").locator("button").first


def tries(page: Page) -> Locator:
    return page.locator("#detail-body .tries .try-head", has_text="Connection refused")


def test_tries_from_before_the_page_are_fetched_and_later_ones_join_them(alice: Person) -> None:
    again(alice).press("Enter")
    expect(tries(alice.page)).to_have_count(4)
    expect(alice.page.locator("#detail-title")).to_be_focused()
    expect(alice.page.locator("#detail-body")).not_to_contain_text("seen here")
    alice.page.locator("#detail-body").get_by_text("Replay…").click()
    alice.page.locator("#detail-body").get_by_role("button", name="Replay").click()
    expect(tries(alice.page)).to_have_count(6)
    times = alice.page.locator("#detail-body .tries li p time").evaluate_all("all => all.map((time) => time.dateTime)")
    assert times == sorted(times, reverse=True)
    assert len(set(times)) == 7  # six tries, and when it was accepted


def test_what_cannot_be_fetched_is_said_and_asked_for_again(alice: Person) -> None:
    page = alice.page
    page.route("**/logs/?event=*", lambda route: route.abort())
    again(alice).click()
    expect(page.locator("#detail-body [role=status]").last).to_contain_text("could not be loaded")
    expect(tries(page)).to_have_count(2)
    page.unroute("**/logs/?event=*")
    page.get_by_role("button", name="Try again").press("Enter")
    expect(tries(page)).to_have_count(4)
    expect(page.get_by_role("button", name="Try again")).to_have_count(0)
    expect(page.locator("#detail-title")).to_be_focused()


def test_a_try_that_the_filter_leaves_out_reaches_the_detail(visit: Visit, product: Embedded) -> None:
    statuses = iter([503])
    with Receiver(lambda _: Reply(next(statuses, 200))) as receiver:
        alice = visit(product.prepare(receiver.url, retry_schedule=[1], timeout_s=15))
        page = alice.watch()
        page.locator("label", has=page.locator("input[name=status][value=failed]")).click()
        alice.send(["order-1"])
        page.locator("#rows tr.failed button").click()
        expect(page.locator("#detail-body .tries")).to_contain_text("200 OK", timeout=20_000)
        expect(alice.rows()).to_have_count(1)
