"""Every page that a person reaches by links, one of each kind."""

import re
from html.parser import HTMLParser
from urllib.parse import urljoin, urlsplit

import requests

from tests.integration.product import Product

_ID = re.compile(r"[0-9a-f]{8}-[0-9a-f-]{27}|(?<=/)[a-z2-7]{26}(?=/)")
# Not pages: files, the API with its own documents, and the operators' site.
_ELSEWHERE = ("/static/", "/api/", "/admin/")


class _Links(HTMLParser):
    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        target = dict(attributes).get("href") if tag == "a" else None
        if target:
            self.found.append(target)


def kind_of(path: str) -> str:
    return _ID.sub("*", path)


def pages(product: Product, session: str, start: str) -> dict[str, int]:
    """The path of the first page of each kind -> its status. Without a session: what anybody sees."""
    browser = requests.Session()
    if session:
        browser.cookies.set("sessionid", session)
    seen, found, waiting = set[str](), dict[str, int](), [start]
    while waiting:
        path = waiting.pop(0)
        if kind_of(path) in seen:
            continue
        seen.add(kind_of(path))
        answer = browser.get(product.url + path, timeout=30)
        if "html" not in answer.headers.get("content-type", ""):
            continue
        found[path] = answer.status_code
        for target in _Links(answer.text).found:
            url = urlsplit(urljoin(answer.url, target))
            if url.geturl().startswith(product.url) and not url.path.startswith(_ELSEWHERE):
                waiting.append(url.path)
    return found
