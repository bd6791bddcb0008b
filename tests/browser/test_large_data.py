"""An event's page whose data is larger than what a page shows."""

import json

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import Visit
from tests.integration.product import Embedded

ROWS = [{"number": number, "name": f"Customer {number}"} for number in range(23_500)]
DATA = json.dumps({"rows": ROWS, "last": "Needle (1.5) \u202e turned"}, ensure_ascii=False)


@pytest.fixture
def page(visit: Visit, product: Embedded) -> Page:
    """Of an event just below the limit of 1 MiB."""
    alice = visit(account := product.prepare())
    alice.context.grant_permissions(["clipboard-read", "clipboard-write"])
    headers = {"CL-X-TOKEN": account.token, "CL-X-EVENT-ID": "large", "Content-Type": "application/json"}
    answer = alice.context.request.post("/server/incoming_data", data=DATA.encode(), headers=headers)
    assert answer.status == 202, len(DATA.encode())
    found = alice.page.request.get(f"/api/v1/accounts/{account.account_id}/events/").json()["results"]
    return alice.go(f"events/{found[0]['id']}/")


def says(page: Page) -> Locator:
    return page.locator("#find-says")


def test_all_of_it_is_copied(page: Page) -> None:
    page.get_by_role("button", name="Copy the data").press("Enter")
    expect(page.locator("#copy-all")).to_have_text("Copied")
    copied = page.evaluate("navigator.clipboard.readText()")
    assert json.loads(copied) == json.loads(DATA)


def test_what_stands_far_behind_is_found(page: Page) -> None:
    page.get_by_label("Find in all of it").fill("needle (1.5)")
    expect(page.locator("#raw mark")).to_have_text("Needle (1.5)")
    expect(says(page)).to_contain_text("1 of 1, at character")
    page.locator("#find").fill("no such words")
    expect(says(page)).to_have_text("Not found")
    page.locator("#find").fill("")
    expect(page.locator("#raw mark")).to_have_count(0)


def test_one_steps_from_one_to_the_next_by_key(page: Page) -> None:
    page.locator("#find").fill('customer 2299"')
    page.keyboard.press("Enter")
    expect(says(page)).to_contain_text("1 of 1,")
    page.locator("#find").fill("customer 2299")
    expect(says(page)).to_contain_text("1 of 11,")
    page.keyboard.press("Enter")
    expect(says(page)).to_contain_text("2 of 11,")
    page.keyboard.press("Shift+Enter")
    page.keyboard.press("Shift+Enter")
    expect(says(page)).to_contain_text("11 of 11,")
    expect(page.locator("#raw mark")).to_be_in_viewport()
    expect(page.locator("#find")).to_be_focused()


def test_what_cannot_be_fetched_is_said_and_can_be_tried_again(page: Page) -> None:
    page.route("**/data/", lambda route: route.abort())
    page.locator("#find").fill("needle")
    expect(says(page)).to_contain_text("could not be loaded")
    page.locator("#copy-all").click()
    expect(page.locator("#copy-all")).to_have_text("It could not be loaded")
    page.unroute("**/data/")
    page.locator("#find").press("Enter")
    expect(page.locator("#raw mark")).to_have_text("Needle")
