"""Every page, for everybody: readable by machines and people, in both themes, on a phone and on a wall."""

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import TimeoutError as NotInTime
from playwright.sync_api import expect

from tests.browser.conftest import Visit
from tests.browser.crawl import kind_of, pages
from tests.browser.person import Person
from tests.fakes.receiver import Receiver
from tests.integration.product import Embedded, Prepared

pytestmark = pytest.mark.timeout(300)

SERIOUS = {"serious", "critical"}
WIDTHS = (360, 1280, 2560)
WIDER = "document.documentElement.scrollWidth - document.documentElement.clientWidth"


@pytest.fixture
def lived_in(visit: Visit, product: Embedded, account: Prepared, receiver: Receiver) -> Person:
    """Something of everything: an inbox with what it got, failures, a replay."""
    alice = visit(account)
    page = alice.watch()
    alice.send(f"order-{number}" for number in range(3))
    expect(alice.rows()).to_have_count(6)
    answer = page.request.post(
        f"/api/v1/accounts/{account.account_id}/replays/", data={"status": "failed"}, headers=alice.csrf()
    )
    assert answer.ok, answer.text()
    return alice


def faults(person: Person, path: str) -> list[str]:
    page, found = person.page, list[str]()
    page.emulate_media(color_scheme="light", reduced_motion="reduce")  # a colour on its way to another is none of ours
    person.go(path)
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 800})
        try:  # charts follow with the next frame
            page.wait_for_function(f"{WIDER} <= 0")
        except NotInTime:
            found.append(f"{page.evaluate(WIDER)} px wider than {width}")
    page.set_viewport_size({"width": 1280, "height": 800})
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme="light" if scheme == "light" else "dark")
        for each in Axe().run(page).response["violations"]:
            if each["impact"] in SERIOUS:
                found.append(f"{scheme}: {each['id']} {each['nodes'][0]['target']}")
    return found


def judged(person: Person, paths: dict[str, int]) -> dict[str, list[str]]:
    looked_at = {kind_of(path): faults(person, path) for path in paths}
    return {kind: found for kind, found in looked_at.items() if found}


def test_every_page_of_an_account(lived_in: Person, product: Embedded) -> None:
    assert lived_in.who is not None
    paths = pages(product, lived_in.who.session, lived_in.path("live/"))
    assert set(paths.values()) == {200}
    assert len(paths) >= 20
    assert judged(lived_in, paths) == {}


def test_every_page_that_anybody_sees(visit: Visit, product: Embedded) -> None:
    paths = pages(product, "", "/")
    assert len(paths) >= 3
    assert judged(visit(), paths) == {}


def test_a_normal_user_sees_no_action_that_would_be_refused(visit: Visit, product: Embedded, lived_in: Person) -> None:
    assert lived_in.who is not None
    bob = visit(product.member(lived_in.who, "Normal user"))
    assert bob.who is not None
    paths = pages(product, bob.who.session, bob.path("live/"))
    assert {kind_of(path): status for path, status in paths.items() if status != 200} == {}
    refused: dict[str, int] = {}
    for path in paths:
        page = bob.go(path)
        for action, fields in page.evaluate(FORMS):
            if "/logout/" not in action and not action.startswith("/user/"):
                answer = page.request.post(action, form=fields, headers={"Origin": product.url}, max_redirects=0)
                refused |= {kind_of(action): answer.status} if answer.status in {403, 404} else {}
    assert refused == {}
    bob.watch()
    bob.rows().first.locator("button").click()
    expect(bob.page.locator("#detail-body")).to_contain_text("Copy curl")
    expect(bob.page.locator("#detail-body")).not_to_contain_text("Replay")


FORMS = """
[...document.querySelectorAll("form")].filter((form) => form.method === "post").map((form) => [
  new URL(form.getAttribute("action") || location.href, location.href).pathname,
  Object.fromEntries([...new FormData(form)].filter(([, value]) => typeof value === "string")),
])
"""
