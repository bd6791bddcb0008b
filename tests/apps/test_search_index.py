"""Words are written beside accepting: later, once, whoever dies, and never to its harm."""

from typing import Any

import pytest
from django.db import DataError, connection

from apps.accounts.models import Account
from apps.common.ids import uuid7
from apps.common.rows import insert
from apps.events import services
from apps.events.models import Event, Unindexed, Words
from apps.events.selectors import events_of, found
from apps.events.services import index_waiting
from apps.ingest.batch import Verdict, store
from tests.cast import Cast
from tests.events import make_post
from tests.together import together


def accept(cast: Cast, *bodies: bytes) -> None:
    posts = [make_post(cast.token, cast.account, f"e{number}", body) for number, body in enumerate(bodies)]
    assert store(posts) == [Verdict.STORED] * len(posts)


def search(account: Account, text: str) -> list[str]:
    rows = found(events_of([account.pk]), account.pk, text)
    return sorted(rows.values_list("event_id", flat=True))


def test_an_event_is_found_once_its_words_are_written(cast: Cast) -> None:
    accept(cast, b'{"city": "Pune"}')
    assert (search(cast.account, "pune"), Unindexed.objects.count()) == ([], 1)
    assert (index_waiting(), index_waiting()) == (1, 0)
    assert search(cast.account, "pune") == search(cast.account, "PU") == ["e0"]
    assert not Unindexed.objects.exists()


def test_a_batch_that_is_repeated_is_indexed_once(cast: Cast) -> None:
    posts = [make_post(cast.token, cast.account, "e0", b'["one"]')]
    for waiting in (1, 0):  # the second time as after a commit whose answer was lost
        assert (store(posts), index_waiting()) == ([Verdict.STORED], waiting)
    assert (search(cast.account, "one"), Words.objects.count()) == (["e0"], 1)


def test_what_stands_behind_the_first_64_kib_is_not_found(cast: Cast) -> None:
    accept(cast, b'["near", "' + b"x" * 65_536 + b'", "far"]')
    index_waiting()
    assert (search(cast.account, "near"), search(cast.account, "far")) == (["e0"], [])


def test_another_accounts_events_are_never_found(cast: Cast) -> None:
    accept(cast, b'["secret"]')
    index_waiting()
    assert search(cast.other, "secret") == []


def test_common_words_are_looked_for_in_the_list_and_rare_ones_in_the_index_alike(cast: Cast) -> None:
    accept(cast, *[b'["common"]'] * 8, b'["rare"]')
    index_waiting()
    assert len(search(cast.account, "comm")) == 8
    assert search(cast.account, "rare") == ["e8"]
    assert search(cast.account, "rare common") == []


def test_workers_share_the_queue_and_one_that_dies_leaves_its_part(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    accept(cast, *(b'["w%d"]' % number for number in range(40)))

    def die(_: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(services, "_write", die)
        with pytest.raises(KeyboardInterrupt):
            index_waiting(limit=10)
    assert Unindexed.objects.count() == 40
    together(4, lambda _: [index_waiting(limit=5) for _ in range(20)])
    assert (Unindexed.objects.count(), Words.objects.count()) == (0, 40)


def test_a_row_that_the_database_refuses_is_found_by_its_id_only(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    accept(cast, *(b'["body%d"]' % number for number in range(8)))

    def refuse(model: Any, columns: Any, **options: Any) -> None:
        if any("body3" in text for text in columns["words"]):
            raise DataError
        insert(model, columns, **options)

    monkeypatch.setattr("apps.events.services.insert", refuse)
    assert index_waiting() == 8
    assert (search(cast.account, "body3"), search(cast.account, "e3")) == ([], ["e3"])
    assert search(cast.account, "body4") == ["e4"]


def test_accepting_goes_on_without_the_index(cast: Cast) -> None:
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE events_words RENAME TO events_gone")
    try:
        accept(cast, b'["kept"]')
    finally:
        with connection.cursor() as cursor:
            cursor.execute("ALTER TABLE events_gone RENAME TO events_words")
    index_waiting()
    assert search(cast.account, "kept") == ["e0"]


def test_a_purged_event_leaves_the_queue(cast: Cast) -> None:
    Unindexed.objects.create(event_id=uuid7())
    accept(cast, b'["kept"]')
    assert (index_waiting(), Unindexed.objects.count(), Event.objects.count()) == (2, 0, 1)


def test_a_transaction_looks_through_a_bounded_number_of_bytes(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(services, "_INDEXED_BYTES", 20)
    accept(cast, *[b'["12345678"]'] * 4)
    assert [index_waiting() for _ in range(5)] == [1, 1, 1, 1, 0]
