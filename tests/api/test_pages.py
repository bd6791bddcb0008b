"""Pages by cursor: forwards and back again, in every order, over rows that are alike."""

from collections.abc import Iterator

import pytest

from apps.accounts.models import Account
from tests.cast import Cast
from tests.rest import Rest


@pytest.fixture
def alice(cast: Cast) -> Rest:
    Account.objects.filter(pk=cast.account.pk).update(account_name="Same")
    rest = Rest(cast.alice)
    for name in ["Same", "Other", "Same", "Same", "Zed"]:
        rest.post("accounts/", {"account_name": name})
    return rest


def walk(rest: Rest, path: str, side: str) -> Iterator[list[str]]:
    while path:
        body = rest.get(path).body
        yield [each["account_id"] for each in body["results"]]
        path = (body[side] or "").partition("/api/v1/")[2]


@pytest.mark.parametrize("ordering", ["created_at", "-created_at", "account_name", "-account_name"])
@pytest.mark.parametrize("size", [1, 2, 3, 6])
def test_every_row_comes_once_forwards_and_the_same_backwards(alice: Rest, ordering: str, size: int) -> None:
    start = f"accounts/?ordering={ordering}&page_size={size}"
    whole = alice.get(f"accounts/?ordering={ordering}").body["results"]
    pages = list(walk(alice, start, "next"))
    assert [row for page in pages for row in page] == [each["account_id"] for each in whole]
    last = alice.get(start).body
    while last["next"]:
        last = alice.get(last["next"].partition("/api/v1/")[2]).body
    back = list(walk(alice, (last["previous"] or "/api/v1/" + start).partition("/api/v1/")[2], "previous"))
    assert list(reversed(back)) == (pages[:-1] or pages)


def test_a_cursor_belongs_to_its_ordering(alice: Rest) -> None:
    cursor = alice.get("accounts/?page_size=2").body["next"].partition("cursor=")[2]
    answer = alice.get(f"accounts/?ordering=account_name&cursor={cursor}")
    assert (answer.status, list(answer.body["details"])) == (400, ["cursor"])


def test_an_unknown_ordering_names_the_known_ones(alice: Rest) -> None:
    answer = alice.get("accounts/?ordering=website")
    assert (answer.status, answer.body["details"]) == (
        400,
        {"ordering": ["One of account_name, created_at, with - before it for descending."]},
    )
