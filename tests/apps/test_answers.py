"""What is answered when nothing can be answered."""

from typing import Any

import pytest
from django.db import InternalError, OperationalError
from django.test import Client

from tests.browsing import sign_in
from tests.cast import Cast
from tests.rest import Rest


def break_with(error: type[Exception], monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: Any) -> None:
        raise error("could not connect to 10.1.2.3")

    monkeypatch.setattr("apps.accounts.selectors.visible_accounts", broken)


@pytest.mark.parametrize("error", [OperationalError, InternalError])
def test_a_page_without_its_database_says_so_and_when_to_come_again(
    cast: Cast, monkeypatch: pytest.MonkeyPatch, error: type[Exception]
) -> None:
    client = sign_in(cast.alice)
    client.raise_request_exception = False
    break_with(error, monkeypatch)
    answer = client.get("/")
    assert (answer.status_code, answer["Retry-After"]) == (503, "1")
    assert "The database does not answer" in answer.text
    assert "10.1.2.3" not in answer.text


def test_the_api_without_its_database_is_unavailable(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    break_with(OperationalError, monkeypatch)
    answer = Rest(cast.alice).get("accounts/")
    assert (answer.status, answer.body["message"], answer.headers["retry-after"]) == (503, "Unavailable", "1")
    assert "10.1.2.3" not in str(answer.body)


def test_a_fault_of_ours_is_a_page_without_its_text(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    client = sign_in(cast.alice)
    client.raise_request_exception = False
    break_with(ZeroDivisionError, monkeypatch)
    answer = client.get("/")
    assert (answer.status_code, "10.1.2.3" in answer.text) == (500, False)


def test_the_process_says_that_it_lives(client: Client) -> None:
    assert client.get("/health/live/").json() == {"status": "ok"}


@pytest.mark.parametrize("cookie", ["\x00aaaa", '"\\000aaaaaaaaaaaa"', "a;b", "", "é"])
def test_a_session_cookie_that_we_did_not_make_is_none(store: None, cookie: str) -> None:
    answer = Client(headers={"cookie": f"sessionid={cookie}"}).get("/accounts/new/")
    assert answer.status_code == 302
