"""A person with a browser."""

import asyncio
import re
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from types import TracebackType
from typing import Any, Self

from playwright.sync_api import Browser, Locator, Page, expect

from tests.integration.product import Prepared, Product
from tests.integration.sender import send_all

# Milliseconds that a page may take for what a person waits for; never a measure of anything.
PATIENCE_MS = 20_000
expect.set_options(timeout=PATIENCE_MS)

# A refusal by our own policy: of a script that somebody planted too, which is the second line of defence and not the first.
_WATCH = """
addEventListener("securitypolicyviolation", (event) => reported(`${event.violatedDirective} ${event.blockedURI}`));
"""


class Person:
    """`with Person(…) as alice:` then `alice.go("live/")` and `alice.page`."""

    def __init__(self, browser: Browser, product: Product, who: Prepared | None, **context: Any) -> None:
        self.product, self.who = product, who
        self.context = browser.new_context(base_url=product.url, **({"viewport": {"width": 1280, "height": 800}} | context))
        self.context.set_default_timeout(PATIENCE_MS)
        self.wrong: list[str] = []
        """What failed, and what our policy refused."""
        self.ran: list[str] = []
        """Who planted a script that ran."""
        self.context.expose_function("reported", lambda what: self.wrong.append(f"policy: {what}"))
        self.context.expose_function("ran", lambda who: self.ran.append(str(who)))
        self.context.add_init_script(_WATCH)
        if who is not None:
            self.context.add_cookies([{"name": "sessionid", "value": who.session, "url": product.url}])
        self.page: Page = self.context.new_page()
        self.page.on("pageerror", lambda error: self.wrong.append(f"script: {error}"))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.context.close()
        if kind is None:
            assert (self.ran, self.wrong) == ([], []), (self.ran, self.wrong)

    def path(self, place: str) -> str:
        """`live/` is the account's; `/` before it is the product's."""
        assert place.startswith("/") or self.who is not None
        return place if self.who is None or place.startswith("/") else f"/accounts/{self.who.account_id}/{place}"

    def go(self, place: str) -> Page:
        answer = self.page.goto(self.path(place))
        assert answer is not None
        assert answer.status < 500, f"{place}: {answer.status}"
        return self.page

    def watch(self, query: str = "") -> Page:
        """The live page, connected."""
        page = self.go(f"live/{query}")
        expect(page.locator("#state-word")).to_have_text(re.compile("Live|Summarised"))
        return page

    def csrf(self) -> dict[str, str]:
        """What a script of the page sends along; needs a page to have been opened."""
        token = next(str(each.get("value")) for each in self.context.cookies() if each.get("name") == "csrftoken")
        return {"X-CSRFToken": token, "Origin": self.product.url}

    def rows(self) -> Locator:
        """Of the live page: the tries."""
        return self.page.locator("#rows tr[data-id]")

    def send(self, event_ids: Iterable[str], at_once: int = 16) -> None:
        """Posts these events to the account."""
        assert self.who is not None
        with ThreadPoolExecutor(1) as beside:  # Playwright's loop runs in this thread
            beside.submit(asyncio.run, send_all(self.product.url, self.who.token, event_ids, at_once)).result()
