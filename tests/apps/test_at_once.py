"""The one statement that stores a batch leaves what the several statements leave."""

from typing import Any
from uuid import RFC_4122

import pytest

from apps.accounts.services import rotate_token
from apps.deliveries.models import Delivery
from apps.events.models import Event, Unindexed
from apps.ingest.batch import Post, Verdict, store
from apps.logs.models import Slip
from apps.logs.tally import unpacked
from tests.cast import Cast
from tests.events import make_post

pytestmark = pytest.mark.postgres
_OWN = {"id", "event_id", "event", "received_timestamp", "created_at", "updated_at", "next_attempt_at"}


def posts(cast: Cast, name: str) -> list[Post]:
    """Of two accounts; in the first, an id twice, with the same bytes and with others."""
    ours = [(f"{name}-2", b"[2]"), (f"{name}-1", b"[1]"), (f"{name}-1", b"[1]"), (f"{name}-1", b"[0]")]
    return [
        *(make_post(cast.token, cast.account, event_id, body) for event_id, body in ours),
        make_post(cast.other_token, cast.other, f"{name}-1", b"{}"),
    ]


def columns(rows: Any) -> list[dict[str, Any]]:
    """But for what is each row's own."""
    return [{key: value for key, value in row.items() if key not in _OWN} for row in rows.values()]


def test_both_ways_leave_the_same_rows(cast: Cast) -> None:
    for number in range(3):
        cast.destination(f"https://example.com/{number}")
    left = list[list[Any]]()
    for repeated in (False, True):
        verdicts = store(posts(cast, str(repeated)), repeated=repeated)
        new = Event.objects.filter(event_id__startswith=str(repeated)).order_by("account", "event_id")
        opened = Delivery.objects.filter(event__in=new).order_by("account", "destination")
        (slip,) = Slip.objects.order_by("-id")[:1]
        left.append([verdicts, columns(new), columns(opened), unpacked([bytes(slip.lines)])])
    assert left[0] == left[1]
    assert left[0][0] == [Verdict.STORED, Verdict.STORED, Verdict.AGAIN, Verdict.CONFLICT, Verdict.STORED]
    assert (len(left[0][1]), len(left[0][2])) == (3, 6)
    assert Unindexed.objects.count() == Event.objects.count()


def test_deliveries_have_ids_of_version_7_in_the_order_in_which_their_events_came(cast: Cast) -> None:
    for number in range(3):
        cast.destination(f"https://example.com/{number}")
    names = [f"e{number}" for number in reversed(range(100))]
    store([make_post(cast.token, cast.account, name, b"{}") for name in names])
    found = list(Delivery.objects.order_by("id").select_related("event"))
    assert [delivery.event.event_id for delivery in found[::3]] == names
    assert {(delivery.pk.version, delivery.pk.variant) for delivery in found} == {(7, RFC_4122)}
    assert all(delivery.pk.bytes[:8] == delivery.event.pk.bytes[:8] for delivery in found)


def test_with_a_token_that_is_over_nothing_is_stored_and_the_others_are(cast: Cast) -> None:
    over = make_post(cast.token, cast.account, "e1", b"{}")
    rotate_token(by=cast.admin)
    verdicts = store([over, make_post(cast.other_token, cast.other, "e1", b"{}")])
    assert verdicts == [Verdict.NO_TOKEN, Verdict.STORED]
    assert list(Event.objects.values_list("account", flat=True)) == [cast.other.pk]


def test_what_stands_already_is_counted_once_though_it_comes_again_as_half_of_a_batch(cast: Cast) -> None:
    cast.destination("https://example.com/hook")
    post = make_post(cast.token, cast.account, "e1", b"{}")
    assert [store([post]), store([post])] == [[Verdict.STORED]] * 2
    assert set(unpacked([bytes(slip.lines) for slip in Slip.objects.all()]).values()) == {1}
    assert Delivery.objects.count() == 1
