"""One product, as `make run` starts it, and one Chromium for all tests here; each person has a context of their own.

They run in a process of their own: Playwright's loop, which runs for as long as the browser lives, lets no other one run.
"""

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest
from playwright.sync_api import Browser, sync_playwright

from tests.browser.chromium import ARGUMENTS, NoChromium, found
from tests.browser.person import Person
from tests.fakes.receiver import Receiver, Reply
from tests.integration.product import Embedded, Prepared

Visit = Callable[..., Person]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "tests/browser/" in item.nodeid:
            item.add_marker(pytest.mark.browser)
            item.add_marker(pytest.mark.embedded)


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    try:
        path = found()
    except NoChromium as error:
        pytest.fail(str(error), pytrace=False)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def product(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Embedded]:
    with Embedded(tmp_path_factory.mktemp("product")) as running:
        yield running


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """What is posted to /down is answered with 503."""
    with Receiver(lambda got: Reply(503, body=b"down") if got.target.endswith("/down") else Reply()) as running:
        yield running


@pytest.fixture
def account(product: Embedded, receiver: Receiver) -> Prepared:
    """One destination that answers, one that does not."""
    return product.prepare(f"{receiver.url}/up", f"{receiver.url}/down", retry_schedule=[3600], timeout_s=15)


@pytest.fixture
def visit(chromium: Browser, product: Embedded) -> Iterator[Visit]:
    """`visit(account)` is a person with a browser; who they are says the session. No script of ours may fail meanwhile, and
    nothing may be asked for that our own policy forbids."""
    with ExitStack() as people:

        def enter(who: Prepared | None = None, **context: object) -> Person:
            return people.enter_context(Person(chromium, product, who, **context))

        yield enter
