"""What every answer tells a browser, over all routes: run only our own scripts, show us in no frame, guess no type."""

from collections.abc import Iterator
from http.cookies import Morsel, SimpleCookie
from typing import Any

import pytest
from django.conf import settings
from django.core.cache import cache
from django.db import transaction

from tests.api.routes import PAGES, REST, Row, Who
from tests.api.test_roles import Stage, _filled, stage  # noqa: F401  (a fixture)

POLICY = {
    "default-src": "'self'", "img-src": "'self' data:", "object-src": "'none'", "base-uri": "'none'", "form-action": "'self'",
    "frame-ancestors": "'none'",
}  # fmt: skip
# Swagger UI and ReDoc write styles of their own; no page lets scripts be written into it.
DOCUMENTS = {"style-src": "'self' 'unsafe-inline'", "worker-src": "'self' blob:"}
HEADERS = {
    "X-Frame-Options": "DENY",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
}


def answer_to(stage: Stage, who: Who, row: Row) -> Any:  # noqa: F811
    path, body = row.path.format(**stage.ids), _filled(row.body, stage.ids)
    if row in REST:
        return stage.rest[who].raw(row.method, path, body)
    stage.client.cookies = SimpleCookie({settings.SESSION_COOKIE_NAME: stage.sessions[who]})
    return stage.client.get(f"/{path}") if row.method == "GET" else stage.client.post(f"/{path}", body)


def policy_of(answer: Any) -> dict[str, str]:
    rules = answer.headers.get("Content-Security-Policy", "").split(";")
    return dict(rule.strip().split(" ", 1) for rule in rules if rule.strip())


def flaws(row: Row, answer: Any) -> Iterator[str]:
    shows_documents = row.method == "GET" and row.path in {"api/docs/", "api/redoc/"}
    if policy_of(answer) != POLICY | (DOCUMENTS if shows_documents else {}):
        yield f"policy {policy_of(answer)}"
    yield from (f"{name} {answer.headers.get(name)}" for name, value in HEADERS.items() if answer.headers.get(name) != value)
    yield from (f"cookie {cookie.OutputString()}" for cookie in answer.cookies.values() if not _is_kept_close(cookie))


def _is_kept_close(cookie: "Morsel[str]") -> bool:
    """To our own site, and a session's, unless it is taken away, from scripts."""
    is_session = cookie.key == settings.SESSION_COOKIE_NAME and cookie.value
    return cookie["samesite"] == "Lax" and (not is_session or bool(cookie["httponly"]))


@pytest.mark.parametrize("who", ["admin", "anonymous"])
def test_every_answer_of_every_route_says_it(stage: Stage, who: Who) -> None:  # noqa: F811
    found = []
    for row in [*PAGES, *REST]:
        cache.clear()
        with transaction.atomic():
            found += [f"{row.method} {row.path}: {flaw}" for flaw in flaws(row, answer_to(stage, who, row))]
            transaction.set_rollback(True)
    assert not found, "\n".join(found)


@pytest.mark.parametrize("path", ["/nowhere/", "/accounts/%00/", "/api/v1/nowhere/", "/static/nowhere.js", "//evil.example/"])
def test_so_do_answers_of_no_route(stage: Stage, path: str) -> None:  # noqa: F811
    answer = stage.client.get(path)
    assert list(flaws(Row("GET", path, 404, 404, 404, 404), answer)) == []
