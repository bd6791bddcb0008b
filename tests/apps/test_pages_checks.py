"""Forms that are judged while somebody types: `X-Check` asks what is wrong so far, and nothing is done."""

from typing import Any

import pytest
from django.test import Client

from apps.destinations.models import Destination
from tests.browsing import everything, sign_in
from tests.cast import Cast

HOOK = "http://127.0.0.1:2/hook"
FIELDS = {"url": HOOK, "http_method": "POST", "headers": "X-Key: value", "timeout_s": "15"}


def new(cast: Cast) -> str:
    return f"/accounts/{cast.account.pk}/destinations/new/"


def settings(destination: Destination) -> str:
    return f"/accounts/{destination.account_id}/destinations/{destination.pk}/settings/"


def check(client: Client, path: str, **fields: str) -> Any:
    return client.post(path, fields, headers={"X-Check": "1"})


@pytest.mark.parametrize(
    ("fields", "wrong"),
    [({}, []), ({"url": "ftp://x/"}, ["url"]), ({"url": "http://10.0.0.1/"}, ["url"]), ({"headers": "Host: x"}, ["headers"]),
     ({"headers": "", "url": "x", "retry_schedule": "0"}, ["headers", "retry_schedule", "url"]),
     ({"timeout_s": "31", "rate_limit": "0", "concurrency": "x"}, ["concurrency", "rate_limit", "timeout_s"])],
)  # fmt: skip
def test_a_check_names_each_wrong_field_and_writes_nothing(cast: Cast, fields: dict[str, str], wrong: list[str]) -> None:
    destination, alice = cast.destination(HOOK), sign_in(cast.alice)
    before = everything()
    for path in (new(cast), settings(destination)):
        answer = check(alice, path, **FIELDS | {"version": "1"} | fields)
        assert (answer.status_code, sorted(answer.json()["errors"])) == (200, wrong)
    assert everything() == before


def test_a_check_says_what_the_post_says(cast: Cast) -> None:
    alice, wrong = sign_in(cast.alice), FIELDS | {"url": "http://user@x/", "headers": "webhook-id: 1", "retry_schedule": "1, 0"}
    said = {name: list(each) for name, each in alice.post(new(cast), wrong).context["form"].errors.items()}
    assert (check(alice, new(cast), **wrong).json()["errors"], len(said)) == (said, 3)


def test_a_check_of_the_settings_knows_what_is_stored(cast: Cast) -> None:
    path, alice = settings(cast.destination(HOOK)), sign_in(cast.alice)
    kept = FIELDS | {"version": "1", "headers": "X-Key: ********"}
    before = everything()
    answers = [check(alice, path, **kept | more).json()["errors"] for more in ({}, {"url": "https://other.example/"})]
    answers.append(check(alice, path, **kept | {"headers": "X-Other: ********"}).json()["errors"])
    assert [list(each) for each in answers] == [[], ["headers"], ["headers"]]
    assert everything() == before


@pytest.mark.parametrize(("who", "codes"), [("alice", (200, 200)), ("bob", (403, 200)), ("charlie", (404, 404))])
def test_who_may_not_post_may_not_check(cast: Cast, who: str, codes: tuple[int, int]) -> None:
    destination, client = cast.destination(HOOK), sign_in(getattr(cast, who))
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(cast.alice)
    before = everything()
    assert tuple(check(client, path, **FIELDS).status_code for path in (new(cast), settings(destination))) == codes
    assert check(Client(), new(cast), **FIELDS).status_code == 302
    assert check(strict, new(cast), **FIELDS).status_code == 403
    assert everything() == before


def test_a_new_destination_may_have_a_policy_of_its_own(cast: Cast) -> None:
    alice = sign_in(cast.alice)
    assert '<details class="more" >' in alice.get(new(cast)).content.decode()
    policy = {"timeout_s": "5", "retry_schedule": "1, 2", "rate_limit": "2.5", "concurrency": "3", "ordered": "on"}
    page = alice.post(new(cast), FIELDS | policy | {"concurrency": "0"})
    assert (page.status_code, '<details class="more" open>' in page.content.decode()) == (400, True)
    assert alice.post(new(cast), FIELDS | policy).status_code == 201
    made = Destination.objects.get()
    assert (made.timeout_s, made.retry_schedule, made.policy) == (5, [1, 2], (2.5, 3, True))


def test_without_a_policy_a_new_destination_has_the_defaults(cast: Cast) -> None:
    alice = sign_in(cast.alice)
    assert alice.post(new(cast), FIELDS | {"timeout_s": "", "retry_schedule": ""}).status_code == 201
    made = Destination.objects.get()
    assert (made.timeout_s, made.retry_schedule, made.policy) == (15, None, (None, None, False))
