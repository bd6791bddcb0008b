"""Bulk replay by REST: counted, begun, followed, paused, resumed, cancelled."""

from typing import Any

import pytest
from django.conf import LazySettings
from django.db import connection
from django.db.models.functions import Now
from django.test.utils import CaptureQueriesContext

from apps.deliveries.jobs import Replay
from apps.deliveries.models import Delivery
from apps.deliveries.replaying import replay_some
from tests.browsing import everything
from tests.cast import Cast, make_destination
from tests.rest import Answer, Rest
from tests.writing import BROKEN, deliver, once, post


@pytest.fixture
def alice(cast: Cast) -> Rest:
    """Two of her deliveries have failed."""
    once(cast.destination("https://example.com/hook"))
    post(cast, b"{}", b"{}")
    deliver(BROKEN)
    return Rest(cast.alice)


def ask(alice: Rest, cast: Cast, **body: Any) -> Answer:
    return alice.post(f"accounts/{cast.account.pk}/replays/", body)


def test_a_dry_run_counts_and_leaves_no_trace(cast: Cast, alice: Rest) -> None:
    before = everything()
    answer = ask(alice, cast, status="failed", dry_run=True)
    assert (answer.status, answer.body["data"]["total"], answer.body["data"]["total_exact"]) == (200, 2, True)
    assert {name: answer.body["data"][name] for name in ("id", "state", "created_at")} == {
        "id": None, "state": "dry_run", "created_at": None,
    }  # fmt: skip
    assert everything() == before


def test_from_the_start_to_the_end(cast: Cast, alice: Rest) -> None:
    made = ask(alice, cast, status="failed", rate=1)
    path = f"replays/{made.body['data']['id']}/"
    assert (made.status, made.body["data"]["state"], made.body["data"]["filter"]["status"]) == (201, "running", "failed")
    assert ask(alice, cast, status="failed").status == 409
    replay_some()
    assert alice.post(f"{path}pause/").body["data"]["state"] == "paused"
    assert alice.post(f"{path}resume/").body["data"]["state"] == "running"
    while Replay.objects.filter(state="running").exists():
        Replay.objects.update(next_at=Now())
        replay_some()
    read = alice.get(path).body
    assert {name: read[name] for name in ("state", "total", "handled", "made")} == {
        "state": "done", "total": 2, "handled": 2, "made": 2,
    }  # fmt: skip
    assert read["finished_at"]
    assert [alice.post(f"{path}{act}/").status for act in ("pause", "resume", "cancel")] == [409] * 3
    assert [each["id"] for each in alice.get(f"accounts/{cast.account.pk}/replays/?state=done").body["results"]] == [read["id"]]


def test_cancelled_it_makes_nothing_more(cast: Cast, alice: Rest) -> None:
    path = f"replays/{ask(alice, cast, status='failed').body['data']['id']}/"
    assert alice.post(f"{path}cancel/").body["data"]["state"] == "cancelled"
    assert (replay_some(), Delivery.objects.count()) == (0, 2)


BAD: list[tuple[str, dict[str, Any]]] = [
    ("filter", {}),
    ("filter", {"rate": 5}),
    ("status", {"status": "lost"}),
    ("status", {"status": "\x00"}),
    ("reason", {"reason": ""}),
    ("rate", {"status": "failed", "rate": 51}),
    ("rate", {"status": "failed", "rate": 0}),
    ("rate", {"status": "failed", "rate": 2**63}),
    ("rate", {"status": "failed", "rate": "5"}),
    ("dry_run", {"status": "failed", "dry_run": "yes"}),
    ("created_at_after", {"created_at_after": "0001-01-01T00:00:00+14:00"}),
    ("created_at_before", {"created_at_before": "9999-12-31T23:59:59-14:00"}),
    ("created_at_before", {"created_at_before": "yesterday"}),
    ("destination_id", {"destination_id": "00000000-0000-0000-0000-000000000000"}),
    ("destination_id", {"destination_id": "x"}),
]


@pytest.mark.parametrize(("field", "body"), BAD, ids=lambda value: value if isinstance(value, str) else None)
def test_what_is_wrong_is_named_and_nothing_begins(cast: Cast, alice: Rest, field: str, body: dict[str, Any]) -> None:
    for dry_run in (True, False):
        answer = ask(alice, cast, **{"dry_run": dry_run} | body)
        assert (answer.status, list(answer.body["details"])) == (400, [field])
    assert not Replay.objects.exists()


def test_anothers_destination_does_not_exist(cast: Cast, alice: Rest) -> None:
    charlies = make_destination(cast.other.members.get(), "https://example.com/charlies")
    answer = ask(alice, cast, destination_id=str(charlies.pk))
    assert (answer.status, list(answer.body["details"])) == (400, ["destination_id"])


def test_who_may_not_changes_nothing(cast: Cast, alice: Rest) -> None:
    path = f"replays/{ask(alice, cast, status='failed').body['data']['id']}/"
    bob, charlie = Rest(cast.bob), Rest(cast.charlie)
    before = everything()
    assert [each.get(path).status for each in (bob, charlie, Rest())] == [200, 404, 401]
    for act in (f"accounts/{cast.account.pk}/replays/", f"{path}pause/", f"{path}resume/", f"{path}cancel/"):
        assert [each.post(act, {}).status for each in (bob, charlie, Rest())] == [403, 404, 401]
    assert everything() == before


def test_an_operator_raises_the_rate(cast: Cast, alice: Rest, settings: LazySettings) -> None:
    settings.REPLAY_RATE = 500
    assert ask(alice, cast, status="failed", dry_run=True).body["data"]["rate"] == 500
    assert ask(alice, cast, status="failed", rate=400).body["data"]["rate"] == 400


def test_thirty_counts_a_minute_for_an_account(cast: Cast, alice: Rest) -> None:
    statuses = [ask(alice, cast, status="failed", dry_run=True).status for _ in range(31)]
    assert statuses == [200] * 30 + [429]


def test_a_list_of_50_costs_as_many_statements_as_of_1(cast: Cast, alice: Rest) -> None:
    numbers = []
    for number in (1, 49):
        Replay.objects.bulk_create(
            Replay(account=cast.account, created_before=Now(), rate=1, state="paused", total=0, total_exact=True)
            for _ in range(number)
        )
        with CaptureQueriesContext(connection) as queries:
            page = alice.get(f"accounts/{cast.account.pk}/replays/")
        numbers.append((len(queries), len(page.body["results"])))
    assert numbers[0][0] == numbers[1][0]
    assert numbers[1][1] == 50
