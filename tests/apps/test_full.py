"""An account of which too many deliveries wait takes nothing until fewer do; it costs the others nothing."""

import pytest
from django.conf import LazySettings
from django.db import connection
from django.test.utils import CaptureQueriesContext

from apps.accounts.models import Full
from apps.accounts.services import delete_account, digest_of
from apps.common.errors import TooMany
from apps.deliveries.claims import claim_due
from apps.deliveries.jobs import Replay
from apps.deliveries.models import Delivery
from apps.deliveries.purging import purge
from apps.deliveries.replaying import replay_some
from apps.deliveries.replays import Wanted, start
from apps.deliveries.services import replay
from apps.destinations.models import Destination
from apps.events.models import Event
from apps.ingest import tokens
from apps.logs.services import book, look_for_room
from tests import posting
from tests.browsing import everything
from tests.cast import Cast, make_destination
from tests.posting import in_db
from tests.rest import Rest
from tests.writing import BROKEN, GOOD, deliver, once, post, report


@pytest.fixture
def destination(cast: Cast, settings: LazySettings) -> Destination:
    settings.MAX_WAITING_PER_ACCOUNT = 10
    return once(cast.destination("https://example.com/hook"))


def fill(cast: Cast) -> None:
    """Eleven wait."""
    post(cast, *[b"{}"] * 11)
    book()


def test_an_account_over_its_limit_is_marked_and_one_at_it_is_not(cast: Cast, destination: Destination) -> None:
    make_destination(cast.other.members.get(), "https://example.com/x")
    post(cast, *[b"{}"] * 10)
    book()
    assert not Full.objects.exists()
    post(cast, b"{}", first=10)
    book()
    assert Full.objects.get().account_id == cast.account.pk


async def test_its_posts_are_429_and_its_neighbours_are_not(cast: Cast, destination: Destination) -> None:
    await in_db(fill, cast)
    before = await in_db(Event.objects.count)
    answer = await posting.post(cast.token, "more", b"{}")
    assert (answer.status, answer.body) == (429, b'{"success":false,"message":"Too Many Requests"}')
    assert int(answer.headers["Retry-After"]) >= 1
    assert (await posting.post(cast.other_token, "e1", b"{}")).status == 202
    assert await in_db(Event.objects.count) == before + 1


async def test_a_wrong_method_and_a_wrong_token_are_told_first(cast: Cast, destination: Destination) -> None:
    await in_db(fill, cast)
    assert (await posting.post("wrong", "e1", b"{}")).status == 401


def test_it_may_post_again_when_a_tenth_is_free(cast: Cast, destination: Destination) -> None:
    fill(cast)
    left = []
    for _ in range(2):
        report(claim_due(1), GOOD)
        book()
        left.append((look_for_room(), Full.objects.count()))
    assert left == [(0, 1), (1, 0)]  # ten wait, nine wait


def test_a_limit_that_was_raised_frees_it_though_nothing_moves(
    cast: Cast, destination: Destination, settings: LazySettings
) -> None:
    fill(cast)
    settings.MAX_WAITING_PER_ACCOUNT = 100
    assert (look_for_room(), Full.objects.count()) == (1, 0)


def test_no_replay_begins_or_goes_on(cast: Cast, destination: Destination) -> None:
    post(cast, b"{}", b"{}")
    deliver(BROKEN)
    start(by=cast.admin, wanted=Wanted(status="failed"))
    post(cast, *[b"{}"] * 11, first=2)
    book()
    before = Delivery.objects.count()
    assert (replay_some(), Replay.objects.get().made) == (0, 0)
    with pytest.raises(TooMany):
        replay(event=Event.objects.get(event_id="e0"), by=cast.admin)
    Replay.objects.all().delete()
    with pytest.raises(TooMany):
        start(by=cast.admin, wanted=Wanted(status="failed"))
    assert (Delivery.objects.count(), Replay.objects.count()) == (before, 0)


def test_rest_says_429_with_retry_after_and_nothing_changes(cast: Cast, destination: Destination) -> None:
    fill(cast)
    alice = Rest(cast.alice)
    before = everything()
    asked = {f"events/{Event.objects.all()[0].pk}/replay/": {}, f"accounts/{cast.account.pk}/replays/": {"status": "failed"}}
    for path, body in asked.items():
        answer = alice.post(path, body)
        assert (answer.status, answer.headers["retry-after"], answer.body["code"]) == (429, "30", "throttled")
    assert everything() == before


def test_looking_a_token_up_and_booking_cost_no_statement_more(cast: Cast, destination: Destination) -> None:
    with CaptureQueriesContext(connection) as queries:
        tokens._owners({digest_of(cast.token)})
    assert len(queries) == 2  # the account, the number of its destinations
    post(cast, b"{}")
    with CaptureQueriesContext(connection) as queries:
        book()
    assert not [query for query in queries if "accounts_full" in query["sql"]]


def test_a_marked_account_is_purged_like_any_other(cast: Cast, destination: Destination, settings: LazySettings) -> None:
    fill(cast)
    delete_account(by=cast.admin)
    settings.PURGE_AFTER_DAYS = 0
    while purge():
        pass
    assert not Full.objects.exists()
