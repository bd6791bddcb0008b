"""Results in hand: kept while the database is away, past others' locks, and named when the worker must end without them."""

import asyncio
import logging
from collections.abc import Sequence

import pytest
from django.conf import LazySettings
from django.db import OperationalError
from django.utils import timezone

from apps.accounts.models import Account
from apps.common.ids import uuid7
from apps.deliveries import recorder as recorders
from apps.deliveries import services
from apps.deliveries.claims import claim_due
from apps.deliveries.engine import Engine
from apps.deliveries.models import Delivery
from apps.deliveries.recorder import Recorder
from apps.deliveries.request import Error, Outcome, Result
from apps.deliveries.services import Recorded, record
from apps.ingest.batch import store
from apps.logs.models import Log
from tests.cast import Cast, make_destination
from tests.events import make_post
from tests.fakes.receiver import Receiver
from tests.holding import holding
from tests.posting import in_db, post, until


class Database:
    """Stands before `record`: `away` until it is let back. Claims go through all the while."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.away, self.asked = True, 0
        monkeypatch.setattr(services, "record", self.record)

    def record(self, results: Sequence[Result], *, repeated: bool = False) -> Recorded:
        self.asked += 1
        if self.away:
            raise OperationalError("the connection is lost")
        return record(results, repeated=repeated)


@pytest.fixture
def database(monkeypatch: pytest.MonkeyPatch) -> Database:
    return Database(monkeypatch)


async def test_while_no_result_can_be_recorded_nothing_more_is_claimed(
    cast: Cast, receiver: Receiver, engine: Engine, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recorders, "_BEHIND_S", 0.1)
    await in_db(cast.destination, receiver.url)
    await post(cast.token, "first", b"{}")
    engine.wake()
    await until(lambda: database.asked > 2)
    for number in range(3):
        await post(cast.token, f"later-{number}", b"{}")
        engine.wake()
        await asyncio.sleep(0.2)
    assert await in_db(Delivery.objects.filter(claims=0).count) == 3
    database.away = False
    await until(lambda: Log.objects.count() == 4)
    assert len(receiver.got) == 4


async def test_a_stop_ends_though_the_database_stays_away_and_says_what_is_left(
    cast: Cast, receiver: Receiver, database: Database, settings: LazySettings, caplog: pytest.LogCaptureFixture
) -> None:
    settings.WORKER_STOP_S = 0.3
    await in_db(cast.destination, receiver.url)
    await post(cast.token, "e1", b'{"secret": "payload"}')
    running = Engine()
    running.start()
    await until(lambda: database.asked)
    with caplog.at_level(logging.INFO):
        async with asyncio.timeout(10):
            await running.stop()
    (line,) = [each.getMessage() for each in caplog.records if each.levelno == logging.ERROR]
    assert "1 deliveries not recorded" in line
    assert str((await in_db(Delivery.objects.get)).pk) in line
    assert "payload" not in caplog.text


async def test_a_stop_waits_for_a_database_that_comes_back(cast: Cast, receiver: Receiver, database: Database) -> None:
    await in_db(cast.destination, receiver.url)
    await post(cast.token, "e1", b"{}")
    running = Engine()
    running.start()
    await until(lambda: database.asked)
    stopping = asyncio.create_task(running.stop())
    await asyncio.sleep(0.1)
    database.away = False
    await stopping
    assert (await in_db(Delivery.objects.get)).status == "success"


def results(cast: Cast, number: int) -> list[Result]:
    """Of so many tries of Alice's account and as many of Charlie's."""
    cast.destination("https://example.com/alice")
    charlie = cast.other.members.select_related("account", "role", "user").get()
    make_destination(charlie, "https://example.com/charlie")
    pairs = [(cast.token, cast.account), (cast.other_token, cast.other)]
    store([make_post(token, account, f"e{n}", b"{}") for token, account in pairs for n in range(number)])
    good = Outcome(Error.NONE, response_status=200, latency_ms=1)
    return [Result(uuid7(), claim, good, timezone.now()) for claim in claim_due(1000)]


def logs(account: Account) -> int:
    return Log.objects.filter(account=account).count()


HELD = {
    "counter": "SELECT 1 FROM logs_logcounter WHERE account_id = %s FOR UPDATE",
    "delivery": "SELECT 1 FROM deliveries_delivery WHERE account_id = %s ORDER BY id DESC LIMIT 1 FOR UPDATE",
    "account": "SELECT 1 FROM accounts_account WHERE id = %s FOR UPDATE",
}


@pytest.mark.postgres
@pytest.mark.parametrize("held", HELD)
async def test_a_row_that_somebody_holds_does_not_keep_other_accounts_results(cast: Cast, held: str) -> None:
    tried = await in_db(results, cast, 5)
    await in_db(record, tried[4:6])  # so that both have a counter
    recorder = Recorder(lambda _: None)
    with holding(HELD[held], cast.other):
        submitted = [asyncio.create_task(recorder.submit(result)) for result in tried]
        await until(lambda: logs(cast.account) == 5)
        assert not recorder.behind
        late = await in_db(logs, cast.other)
    await asyncio.gather(*submitted)
    assert late < 5
    assert (await in_db(logs, cast.other), recorder.kept) == (5, set())


@pytest.mark.postgres
async def test_no_result_waits_for_a_destination_that_somebody_holds(cast: Cast) -> None:
    tried = await in_db(results, cast, 5)
    recorder = Recorder(lambda _: None)
    with holding("SELECT 1 FROM destinations_destination WHERE account_id = %s FOR UPDATE", cast.other):
        await asyncio.gather(*(recorder.submit(result) for result in tried))
    assert await in_db(logs, cast.other) == 5


@pytest.mark.postgres
async def test_an_account_that_waits_apart_costs_the_others_no_further_wait(cast: Cast) -> None:
    first, *later = await in_db(results, cast, 9)
    await in_db(record, [first])
    recorder = Recorder(lambda _: None)
    mine = [result for result in later if result.claim.account_id == cast.account.pk]
    theirs = [result for result in later if result.claim.account_id == cast.other.pk]
    with holding(HELD["account"], cast.other):
        waiting = [asyncio.create_task(recorder.submit(theirs[0]))]
        await until(lambda: recorder._apart)
        waiting += [asyncio.create_task(recorder.submit(result)) for result in theirs[1:]]
        async with asyncio.timeout(5):
            for result in mine:
                await recorder.submit(result)
        assert not any(task.done() for task in waiting)
    await asyncio.gather(*waiting)
    assert await in_db(logs, cast.other) == len(theirs)
