"""From nothing to the first delivered event, in a browser alone."""

import gzip

import pytest
from playwright.sync_api import APIResponse, expect

from tests.browser.conftest import Visit
from tests.integration.product import Prepared

_TEXT = ("text/", "javascript", "svg", "json")


def test_from_signing_up_to_the_first_delivered_event(visit: Visit) -> None:
    newcomer = visit()
    page = newcomer.go("/")
    page.get_by_role("link", name="Sign up").first.click()
    page.locator("[name=email]").fill("newcomer@example.com")
    page.locator("[name=password1]").fill("correct horse battery")
    with page.expect_navigation():
        page.get_by_role("button", name="Sign up").click()
    page.goto("/user/login/")
    page.locator("[name=login]").fill("newcomer@example.com")
    page.locator("[name=password]").fill("correct horse battery")
    with page.expect_navigation():
        page.get_by_role("button", name="Sign in").click()
    page.goto("/accounts/new/")
    page.locator("[name=account_name]").fill("Northwind")
    page.get_by_role("button", name="Create account").click()
    page.get_by_role("button", name="Create a test receiver").click()
    page.get_by_role("button", name="Send a test event").first.click()
    expect(newcomer.rows()).to_have_count(1)
    page.get_by_role("link", name="See what it got").click()
    expect(page.get_by_text("A first event from Data Pusher")).to_be_visible()


def weight(answer: APIResponse) -> int:
    """Bytes on the wire of a server that compresses what can be."""
    body = answer.body()
    kind = answer.headers.get("content-type", "")
    return len(gzip.compress(body)) if any(each in kind for each in _TEXT) else len(body)


@pytest.mark.parametrize("place", ["/", "live/"])
def test_a_first_visit_costs_at_most_150_kb(visit: Visit, account: Prepared, place: str) -> None:
    alice = visit(account)
    asked: list[str] = []
    alice.page.on("request", lambda request: asked.append(request.url))
    alice.go(place)
    alice.page.wait_for_load_state("networkidle") if place == "/" else alice.watch()
    again = [alice.page.request.get(url) for url in dict.fromkeys(asked) if url.startswith(alice.product.url)]
    assert sum(weight(answer) for answer in again) <= 150_000
