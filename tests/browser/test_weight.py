"""What the live page costs a browser that has never been there. Requests and bytes are the same each time, and judged; the
time is printed (`-s`)."""

from collections import Counter
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from playwright.sync_api import Response, expect

from tests.browser.conftest import Visit
from tests.integration.product import Prepared

# Bytes of all files but the page itself, as sent: another zlib packs a little otherwise.
BYTES = 135_000
_SENT = """
() => ({
  bytes: performance.getEntriesByType("resource").reduce((sum, each) => sum + each.encodedBodySize, 0),
  ms: Math.round(performance.now()),
})
"""


def kind(answer: Response) -> str:
    return Path(urlsplit(answer.url).path).suffix or "page"


def test_what_the_live_page_costs_until_it_shows_the_first_tries(visit: Visit, account: Prepared) -> None:
    alice, bob, got = visit(account), visit(account), list[Response]()
    alice.watch()
    alice.send(["order-1"])
    expect(alice.rows()).to_have_count(2)
    bob.page.on("response", lambda answer: got.append(answer))  # noqa: PLW0108  (Playwright marks what it is given)
    page = bob.watch()
    expect(bob.rows()).to_have_count(2)
    sent: dict[str, Any] = page.evaluate(_SENT)
    print(f"Live and drawn within {sent['ms']} ms: {len(got)} requests, {sent['bytes']} bytes beside the page")
    asked = Counter(kind(each) for each in got if kind(each) != ".svg")  # the icon may come later, or never
    assert asked == {"page": 1, ".css": 3, ".js": 25, ".woff2": 3}
    assert sent["bytes"] < BYTES
    assert {kind(each) for each in got if each.headers.get("content-encoding") != "gzip"} == {".woff2"}
