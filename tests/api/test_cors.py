"""Pages of other origins: none by default; those of CORS_ALLOWED_ORIGINS read the API and post events, without cookies."""

import pytest
from django.conf import LazySettings
from django.core.handlers.asgi import ASGIHandler

from consumers.asgi import Application
from consumers.routing import front
from tests.cast import Cast
from tests.fakes.asgi import Response, call

OURS, OTHER = "https://app.example.com", "https://evil.example.com"
PATHS = ["/api/v1/roles/", "/server/incoming_data", "/server/incoming_data/"]
EVIL = [OTHER, "null", "http://app.example.com", "https://app.example.com:8443", "https://app.example.com.evil.example", ""]


@pytest.fixture(params=["the front", "plain Django"])
def application(request: pytest.FixtureRequest, settings: LazySettings) -> Application:
    settings.CORS_ALLOWED_ORIGINS = [OURS]
    settings.MIDDLEWARE = ["apps.common.cors.Cors", *settings.MIDDLEWARE]
    django: Application = ASGIHandler()
    return front(django) if request.param == "the front" else django


async def ask_first(application: Application, path: str, origin: str) -> Response:
    asked = [("Origin", origin), ("Access-Control-Request-Method", "POST"), ("Access-Control-Request-Headers", "cl-x-token")]
    return await call(application, "OPTIONS", path, [*asked, ("Host", "localhost")])


def cors_of(answer: Response) -> dict[str, str]:
    return {name: value for name, value in answer.headers.items() if name.startswith("access-control-")}


@pytest.mark.parametrize("path", PATHS)
async def test_a_browser_that_asks_first_is_told_what_an_allowed_origin_may_send(application: Application, path: str) -> None:
    answer = await ask_first(application, path, OURS)
    told = cors_of(answer)
    assert (answer.status, told["access-control-allow-origin"]) == (200, OURS)
    assert {"cl-x-token", "cl-x-event-id", "authorization"} <= set(told["access-control-allow-headers"].split(", "))
    assert "access-control-allow-credentials" not in told


@pytest.mark.parametrize("origin", EVIL)
@pytest.mark.parametrize("path", PATHS)
async def test_any_other_origin_is_told_nothing(application: Application, cast: Cast, path: str, origin: str) -> None:
    first = await ask_first(application, path, origin)
    then = await call(application, "POST", path, [("Origin", origin), ("Host", "localhost")], b"{}")
    assert first.status in {401, 405}
    assert [cors_of(first), cors_of(then)] == [{}, {}]


@pytest.mark.parametrize("path", PATHS)
async def test_the_answer_may_be_read_by_an_allowed_origin_and_kept_for_no_other(
    application: Application, cast: Cast, path: str
) -> None:
    headers = [("Origin", OURS), ("Host", "localhost"), ("CL-X-TOKEN", cast.token), ("CL-X-EVENT-ID", "1")]
    answer = await call(application, "POST", path, [*headers, ("Content-Type", "application/json")], b"{}")
    told = cors_of(answer)
    assert told["access-control-allow-origin"] == OURS
    assert "Retry-After" in told["access-control-expose-headers"]
    assert "origin" in answer.headers["vary"].lower()
    assert "access-control-allow-credentials" not in told


@pytest.mark.parametrize("path", ["/", "/user/login/", "/api/schema/", "/admin/", "/server/incoming_dataX"])
async def test_no_page_is_opened(application: Application, cast: Cast, path: str) -> None:
    answer = await call(application, "GET", path, [("Origin", OURS), ("Host", "localhost")])
    assert cors_of(answer) == {}


@pytest.mark.parametrize("path", PATHS)
async def test_by_default_nobody_is_allowed(cast: Cast, path: str) -> None:
    application = front(ASGIHandler())
    answer = await ask_first(application, path, OURS)
    assert answer.status in {401, 405}
    assert cors_of(answer) == {}
