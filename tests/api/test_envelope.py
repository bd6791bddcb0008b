"""One shape for every error, whatever was sent."""

import orjson
import pytest
from django.core.handlers.asgi import ASGIHandler
from django.test import Client

from tests.cast import Cast
from tests.fakes.asgi import call
from tests.posting import in_db
from tests.rest import Answer, Rest


def assert_error(answer: Answer, status: int, message: str, code: str) -> None:
    assert (answer.status, answer.body["success"], answer.body["message"]) == (status, False, message)
    assert answer.body["code"] == code
    assert set(answer.body) == {"success", "message", "code", "details", "request_id"}
    assert answer.body["request_id"] == answer.headers["x-request-id"]


def test_nobody_is_unauthenticated(store: None) -> None:
    answer = Rest().get("accounts/")
    assert_error(answer, 401, "Unauthenticated", "unauthenticated")
    assert answer.headers["www-authenticate"] == "Bearer"


@pytest.mark.parametrize("given", ["Bearer nonsense", "Bearer ", "Basic YTpi", "Bearer a b"])
def test_a_bad_bearer_counts_alone_even_beside_a_good_session(cast: Cast, given: str) -> None:
    client = Client()
    client.force_login(cast.alice)
    assert client.get("/api/v1/accounts/").status_code == 200
    assert client.get("/api/v1/accounts/", headers={"Authorization": given}).status_code == 401


def test_a_session_writes_only_with_its_csrf_token(cast: Cast) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(cast.alice)
    answer = client.post("/api/v1/accounts/", {"account_name": "New"}, content_type="application/json")
    assert (answer.status_code, answer.json()["message"]) == (403, "Permission Denied")
    assert cast.alice.members.count() == 1


@pytest.mark.parametrize("path", ["nowhere/", "accounts/nonsense/", "accounts/01900000-0000-7000-8000-000000000000/"])
def test_what_does_not_exist_is_not_found(cast: Cast, path: str) -> None:
    assert_error(Rest(cast.alice).get(path), 404, "Not Found", "not_found")


@pytest.mark.parametrize("body", [b"{", b"[1]", b'"x"', b'{"a": NaN}', b"\xff", b"[" * 100_000, b""])
def test_a_body_that_is_no_json_object_is_invalid(cast: Cast, body: bytes) -> None:
    assert Rest(cast.alice).post("accounts/", body).status == 400


def test_an_unknown_field_is_named_with_those_that_are_known(cast: Cast) -> None:
    answer = Rest(cast.alice).post("accounts/", {"account_name": "New", "colour": "red"})
    assert_error(answer, 400, "Invalid Data", "invalid")
    assert answer.body["details"] == {"colour": ["Unknown field. Known are account_name, website."]}


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"name": 1}, "name"),
        ({"name": True}, "name"),
        ({"headers": {"X-Key": 1}}, "headers"),
        ({"timeout_s": "5"}, "timeout_s"),
        ({"timeout_s": True}, "timeout_s"),
        ({"retry_schedule": ["5"]}, "retry_schedule"),
    ],
)
def test_a_value_of_another_json_type_is_named_and_not_turned_into_the_right_one(
    cast: Cast, body: dict[str, object], field: str
) -> None:
    destination = cast.destination("http://127.0.0.1:2/hook")
    answer = Rest(cast.alice).patch(f"destinations/{destination.pk}/", body)
    assert_error(answer, 400, "Invalid Data", "invalid")
    assert answer.body["details"] == {field: ["The JSON type is another."]}


@pytest.mark.parametrize(
    ("query", "field"),
    [("colour=red", "colour"), ("page_size=201", "page_size"), ("page_size=x", "page_size"), ("cursor=x", "cursor")],
)
def test_an_unknown_filter_or_a_malformed_value_is_named(cast: Cast, query: str, field: str) -> None:
    answer = Rest(cast.alice).get(f"accounts/?{query}")
    assert_error(answer, 400, "Invalid Data", "invalid")
    assert list(answer.body["details"]) == [field]


def test_another_method_and_another_type_are_refused(cast: Cast) -> None:
    assert_error(Rest(cast.alice).put("accounts/", {}), 405, "Method Not Allowed", "method_not_allowed")
    wrong = Client().post("/api/v1/auth/login/", b"<a/>", content_type="text/xml")
    assert (wrong.status_code, wrong.json()["message"]) == (415, "Invalid Data")
    picky = Rest(cast.alice).get("accounts/", Accept="text/html")
    assert_error(picky, 406, "Not Acceptable", "not_acceptable")


async def test_a_body_without_a_length_is_read_like_any_other(cast: Cast) -> None:
    rest = await in_db(Rest, cast.alice)
    assert rest.pair is not None
    headers = [("Authorization", f"Bearer {rest.pair.access}"), ("Content-Type", "application/json")]
    chunks = [b'{"account', b'_name": "New"}']
    answer = await call(ASGIHandler(), "PATCH", f"/api/v1/accounts/{cast.account.pk}/", headers, chunks)
    assert orjson.loads(answer.body)["data"]["account_name"] == "New"


def test_our_own_fault_is_a_server_error_without_its_text(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("a secret detail")

    monkeypatch.setattr("apps.accounts.selectors.visible_accounts", broken)
    answer = Rest(cast.alice).get("accounts/")
    assert_error(answer, 500, "Server Error", "server_error")
    assert "secret" not in str(answer.body)
