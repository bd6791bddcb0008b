"""Forms that are judged by the server while somebody types."""

from playwright.sync_api import expect

from tests.browser.conftest import Visit
from tests.integration.product import Prepared


def test_a_wrong_field_is_said_while_it_is_typed_and_no_longer_once_it_is_right(visit: Visit, account: Prepared) -> None:
    alice = visit(account)
    page = alice.go("destinations/new/")
    url, said = page.get_by_label("URL"), page.locator("#id_url_error")
    url.press_sequentially("ftp://example.com/")
    expect(said).to_contain_text("Enter an address")
    expect(url).to_have_attribute("aria-describedby", "id_url_error")
    expect(page.locator("[aria-invalid]")).to_have_count(1)  # nobody has come to the headers yet
    url.fill("https://example.com/")
    expect(said).to_have_count(0)
    expect(url).not_to_have_attribute("aria-invalid", "true")
    page.get_by_text("Delivery policy").click()
    page.get_by_label("Waits between tries").fill("5; 6")
    expect(page.get_by_role("status").filter(has_text="Whole seconds")).to_be_visible()
    assert len(page.request.get(f"/api/v1/accounts/{account.account_id}/destinations/").json()["results"]) == 2


def test_the_settings_say_that_another_host_needs_the_headers_anew(visit: Visit, account: Prepared) -> None:
    alice = visit(account)
    page = alice.go("destinations/")
    page.locator(".linked-main a").first.click()
    page.get_by_role("link", name="Settings").last.click()
    page.get_by_label("URL").fill("https://other.example/")
    expect(page.locator("#id_headers_error")).to_contain_text("send every header value anew")
    page.get_by_label("Headers").fill("X-Key: anew")
    expect(page.locator("#id_headers_error")).to_have_count(0)
    page.get_by_role("button", name="Save").click()
    expect(page.locator(".messages")).to_contain_text("Saved")
