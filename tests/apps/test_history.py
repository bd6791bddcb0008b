"""The history: its list in the API, its page for Admins."""

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from apps.accounts.models import Member
from apps.accounts.services import reveal_token, update_account
from apps.audit.models import Entry
from apps.audit.services import record
from apps.common.ids import uuid7
from tests.browsing import everything, sign_in
from tests.cast import Cast
from tests.rest import Rest

HOSTILE = "<img src=x onerror=alert(1)>"


def filled(cast: Cast, number: int) -> None:
    for index in range(number):
        names = {"before": {"account_name": f"name {index}"}, "after": {"account_name": f"name {index + 1}"}}
        record(account_id=cast.account.pk, user_id=cast.alice.pk, action="account.updated", object_id=cast.account.pk, **names)


def page(cast: Cast, query: str = "") -> Any:
    return sign_in(cast.alice).get(f"/accounts/{cast.account.pk}/history/{query}")


def listed(cast: Cast, query: str) -> list[str]:
    answer = Rest(cast.alice).get(f"accounts/{cast.account.pk}/audit/?{query}")
    assert answer.status == 200, answer.body
    return [row["id"] for row in answer.body["results"]]


def test_the_list_is_ordered_both_ways_and_takes_each_filter(cast: Cast) -> None:
    filled(cast, 3)
    ids = [str(pk) for pk in Entry.objects.filter(account_id=cast.account.pk).order_by("id").values_list("pk", flat=True)]
    assert (listed(cast, "ordering=at"), listed(cast, "ordering=-at")) == (ids, ids[::-1])
    assert listed(cast, "action=account.created") == ids[:1]
    assert listed(cast, f"user_id={cast.bob.pk}") == listed(cast, f"object_id={uuid7()}") == []
    assert listed(cast, f"object_id={cast.account.pk}&user_id={cast.alice.pk}") == ids[::-1]


def test_a_time_range_leaves_out_its_ends(cast: Cast) -> None:
    filled(cast, 3)
    rows = {str(entry.pk): entry.at for entry in Entry.objects.filter(account_id=cast.account.pk).order_by("-id")}
    given = {at: at.isoformat().replace("+", "%2B") for at in rows.values()}
    for at, text in given.items():
        assert listed(cast, f"at={text}") == [pk for pk, own in rows.items() if own == at]
        assert listed(cast, f"at_after={text}") == [pk for pk, own in rows.items() if own > at]
        assert listed(cast, f"at_before={text}") == [pk for pk, own in rows.items() if own < at]


@pytest.mark.parametrize(
    "query", ["who=x", "user_id=x", "at=yesterday", "action=", "action=%00", f"action={'x' * 33}", "ordering=user_id"]
)
def test_what_the_list_cannot_take_is_named(cast: Cast, query: str) -> None:
    answer = Rest(cast.alice).get(f"accounts/{cast.account.pk}/audit/?{query}")
    assert (answer.status, list(answer.body["details"])) == (400, [query.partition("=")[0]])


def test_the_page_says_who_did_what_and_what_it_was_before(cast: Cast) -> None:
    bobs = cast.normal_user
    update_account(by=bobs, changes={"account_name": HOSTILE})
    text = page(cast).content.decode()
    assert [word in text for word in ("bob@example.com", "Account updated", "Northwind", "→")] == [True] * 4
    assert HOSTILE not in text
    Member.objects.filter(pk=bobs.pk).delete()
    text = page(cast).content.decode()
    assert ("bob@example.com" in text, str(cast.bob.pk) in text) == (False, True)


def test_the_page_shows_one_kind_of_action_and_goes_on_to_older_entries(cast: Cast) -> None:
    filled(cast, 60)
    reveal_token(by=cast.admin)
    first = page(cast, "?action=account.updated")
    assert [row["what"] for row in first.context["entries"]] == ["Account updated"] * 50
    second = sign_in(cast.alice).get(first.context["links"]["next"])
    assert [row["what"] for row in second.context["entries"]] == ["Account updated"] * 10
    back = sign_in(cast.alice).get(second.context["links"]["previous"])
    assert back.context["entries"] == first.context["entries"]
    assert len(page(cast, "?action=").context["entries"]) == 50


def test_the_page_is_only_for_admins_and_only_read(cast: Cast) -> None:
    path = f"/accounts/{cast.account.pk}/history/"
    clients = [sign_in(user) for user in (cast.alice, cast.bob, cast.charlie)]
    before = everything()
    assert [client.get(path).status_code for client in clients] == [200, 403, 404]
    assert clients[0].post(path).status_code == 405
    assert everything() == before


@pytest.mark.parametrize("query", ["?cursor=x", "?action=%00", "?page_size=0", "?user_id=x", "?ordering=x"])
def test_a_link_that_is_not_ours_leads_to_no_page(cast: Cast, query: str) -> None:
    assert page(cast, query).status_code == 404


def test_only_an_admin_finds_the_link(cast: Cast) -> None:
    live = f"/accounts/{cast.account.pk}/live/"
    linked = ["/history/" in sign_in(user).get(live).content.decode() for user in (cast.alice, cast.bob)]
    assert linked == [True, False]


@pytest.mark.parametrize("path", ["/accounts/{}/history/", "/api/v1/accounts/{}/audit/"])
def test_a_page_of_fifty_costs_the_queries_of_a_page_of_one(cast: Cast, path: str) -> None:
    client, counts = sign_in(cast.alice), []
    for more in (0, 49):
        filled(cast, more)
        with CaptureQueriesContext(
            connection,
        ) as queries:
            assert client.get(path.format(cast.account.pk)).status_code == 200
        counts.append(len(queries))
    assert counts[0] == counts[1]
