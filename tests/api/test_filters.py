"""The lists of accounts and destinations: filtered, searched, ordered."""

import json
from importlib import import_module

import pytest
from django.apps import apps
from django.db import connection

from apps.accounts.services import create_account
from apps.destinations.models import Destination
from apps.destinations.services import update_destination
from tests.cast import Cast
from tests.rest import Rest

HOOK = "http://127.0.0.1:2"


def names(rest: Rest, path: str, field: str = "name") -> list[str]:
    answer = rest.get(path)
    assert answer.status == 200, answer.body
    return sorted(each[field] for each in answer.body["results"])


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("account_name=Northwind", ["Northwind"]),
        ("account_name=north", []),
        ("website=https://a.example/%3Fb", ["Adatum"]),
        ("search=NORTH", ["Northwind"]),
        ("search=a.example", ["Adatum"]),
        ("search=100%25_", []),
        ("account_id={account}", ["Northwind"]),
        ("created_by={alice}&created_at_after=2000-01-01", ["Adatum", "Northwind"]),
        ("created_at_before=2000-01-01T00:00:00Z", []),
        ("updated_at_after=2999-01-01T00:00:00Z", []),
        ("ingest_rate=5", []),
    ],
)
def test_accounts_are_filtered(cast: Cast, query: str, found: list[str]) -> None:
    create_account(by=cast.alice, account_name="Adatum", website="https://a.example/?b")
    asked = query.format(account=cast.account.pk, alice=cast.alice.pk)
    assert names(Rest(cast.alice), f"accounts/?{asked}", "account_name") == found


@pytest.fixture
def destinations(cast: Cast) -> Cast:
    cast.destination(f"{HOOK}/one", name="One", headers={"Authorization": "Bearer planted"})
    second = cast.destination(f"{HOOK}/two", name="Two", http_method="PUT", headers={"X-Key": "v", "X-Team": "blue"})
    Destination.objects.filter(pk=second.pk).update(state="paused")
    return cast


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("state=paused", ["Two"]),
        ("http_method=POST", ["One"]),
        ("name=Two", ["Two"]),
        ("search=/ONE", ["One"]),
        ("search=authorization", ["One"]),
        ("search=x-team", ["Two"]),
        ("search=planted", []),
        ("search=blue", []),
        ("account_id={account}&timeout_s=15", ["One", "Two"]),
        ("account_id={account}&ordered=false", ["One", "Two"]),
        ("concurrency=7", []),
        ("account_id={other}", []),
        ("url=http://127.0.0.1:2/one", ["One"]),
        ("created_at_before=2000-01-01T00:00:00Z", []),
    ],
)
@pytest.mark.parametrize("path", ["destinations/", "accounts/{account}/destinations/"])
def test_destinations_are_filtered(destinations: Cast, path: str, query: str, found: list[str]) -> None:
    asked = f"{path}?{query}".format(account=destinations.account.pk, other=destinations.other.pk)
    assert names(Rest(destinations.bob), asked) == found


def test_destinations_are_ordered_by_name(destinations: Cast) -> None:
    rows = Rest(destinations.bob).get("destinations/?ordering=-name").body["results"]
    assert [each["name"] for each in rows] == ["Two", "One"]


def test_the_search_follows_changed_headers(destinations: Cast) -> None:
    one = Destination.objects.get(name="One")
    update_destination(destination=one, by=destinations.admin, changes={"headers": {"X-New": "w"}})
    rest = Rest(destinations.alice)
    assert (names(rest, "destinations/?search=x-new"), names(rest, "destinations/?search=authorization")) == (["One"], [])


def test_a_migration_fills_in_the_names_that_were_there_before(destinations: Cast) -> None:
    Destination.objects.update(header_names="")
    with connection.schema_editor() as editor:
        import_module("apps.destinations.migrations.0004_fill_header_names").fill(apps, editor)
    rows = {each.name: each.header_names.split("\n") for each in Destination.objects.all()}
    assert rows == {"One": ["Authorization"], "Two": ["X-Key", "X-Team"]}
    assert "planted" not in json.dumps(rows)


@pytest.mark.parametrize("query", ["state=gone", "http_method=DELETE", "search=a%00b", "account_id=1", "header=x"])
def test_a_filter_that_cannot_be_is_named(cast: Cast, query: str) -> None:
    answer = Rest(cast.alice).get(f"destinations/?{query}")
    assert (answer.status, list(answer.body["details"])) == (400, [query.partition("=")[0]])
