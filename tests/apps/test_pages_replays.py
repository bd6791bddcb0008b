"""The pages of bulk replays: from the list of deliveries to the count, the start, the progress and the end."""

from html import unescape
from typing import Any

import pytest
from django.db.models.functions import Now
from django.test import Client

from apps.deliveries.jobs import Replay
from apps.deliveries.models import Delivery
from apps.deliveries.replaying import replay_some
from tests.browsing import everything, sign_in
from tests.cast import Cast
from tests.writing import BROKEN, GOOD, deliver, once, post


@pytest.fixture
def alice(cast: Cast) -> Client:
    """Three of her deliveries have failed, one has arrived."""
    once(cast.destination("https://example.com/hook", name="billing"))
    post(cast, *[b"{}"] * 4)
    deliver(BROKEN, BROKEN, BROKEN, GOOD)
    return sign_in(cast.alice)


def path(cast: Cast, below: str = "") -> str:
    return f"/accounts/{cast.account.pk}/replays/{below}"


def begin(cast: Cast, alice: Client, **fields: Any) -> str:
    answer = alice.post(path(cast, "new/"), {"status": "failed"} | fields)
    assert answer.status_code == 302
    return str(answer["Location"])


def test_from_the_filtered_list_to_the_count_and_the_start(cast: Cast, alice: Client) -> None:
    page = alice.get(f"/accounts/{cast.account.pk}/deliveries/?status=failed&reason=").content.decode()
    link = path(cast, "new/?status=failed")
    assert f'href="{link}"' in unescape(page)
    before = everything()
    counted = alice.get(link)
    job = counted.context["job"]
    assert (counted.status_code, job.total, everything() == before) == (200, 3, True)
    kept = {"status": "failed", "created_at_before": job.created_before.isoformat(), "rate": str(job.rate)}
    assert all(f'name="{name}" value="{value}"' in counted.content.decode() for name, value in kept.items())
    made = alice.post(path(cast, "new/"), kept)
    assert made["Location"] == path(cast, f"{Replay.objects.get().pk}/")
    assert Replay.objects.get().created_before == job.created_before


@pytest.mark.parametrize("query", ["event_id=e1", "next_attempt_at_after=2026-01-01T00:00"])
def test_what_a_replay_does_not_know_is_not_offered_to_it(cast: Cast, alice: Client, query: str) -> None:
    page = alice.get(f"/accounts/{cast.account.pk}/deliveries/?{query}").content.decode()
    assert path(cast, "new/") not in page


def test_it_shows_how_far_it_has_come(cast: Cast, alice: Client) -> None:
    link = begin(cast, alice, rate="1")
    replay_some()
    page = alice.get(link).content.decode()
    assert 'data-state="running"' in page
    assert "js/progress.js" in page
    assert "1 looked at; 3 matched at the start" in " ".join(page.split())
    assert '<progress max="3" value="1"' in page
    assert "about 2 s to go" in " ".join(page.split())
    while Replay.objects.filter(state="running").exists():
        Replay.objects.update(next_at=Now())
        replay_some()
    page = alice.get(link).content.decode()
    assert 'data-state="done"' in page
    assert "js/progress.js" not in page
    assert f'href="{link}"' in alice.get(path(cast)).content.decode()


def test_it_is_paused_resumed_and_cancelled_without_a_script(cast: Cast, alice: Client) -> None:
    link = begin(cast, alice)
    for act, state in (("pause", "paused"), ("resume", "running"), ("cancel", "cancelled")):
        assert f'action="{link}{act}/"' in alice.get(link).content.decode()
        assert alice.post(f"{link}{act}/")["Location"] == link
        assert Replay.objects.get().state == state
    page = alice.post(f"{link}resume/")
    assert (page.status_code, "It is cancelled already." in page.content.decode()) == (409, True)


def test_a_second_one_is_refused_and_says_why(cast: Cast, alice: Client) -> None:
    begin(cast, alice)
    page = alice.post(path(cast, "new/"), {"status": "failed"})
    assert (page.status_code, "A replay is running" in page.content.decode()) == (409, True)
    assert Replay.objects.count() == 1


@pytest.mark.parametrize(
    "fields",
    [{}, {"status": "lost"}, {"status": "failed", "rate": "51"}, {"created_at_after": "x"}, {"destination_id": "\x00"}],
)
def test_what_is_wrong_is_said_and_begins_nothing(cast: Cast, alice: Client, fields: dict[str, str]) -> None:
    assert alice.post(path(cast, "new/"), fields).status_code == 400
    assert alice.get(path(cast, "new/"), fields).status_code == (400 if fields else 200)
    assert (Replay.objects.count(), Delivery.objects.count()) == (0, 4)


def test_bob_sees_them_and_is_offered_nothing(cast: Cast, alice: Client) -> None:
    link = begin(cast, alice)
    bob = sign_in(cast.bob)
    pages = "".join(bob.get(each).content.decode() for each in (link, path(cast), f"/accounts/{cast.account.pk}/deliveries/"))
    assert "running" in pages
    assert path(cast, "new/") not in pages
    assert f"{link}pause/" not in pages
