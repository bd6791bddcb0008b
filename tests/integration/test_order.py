"""Check 13: an ordered destination that fails now and then gets its events in order, and a cap of 1 is never 2, over all
workers and their deaths."""

import asyncio
import random
import sys
import threading
from collections import defaultdict
from functools import partial
from itertools import groupby
from pathlib import Path

import pytest

from tests.fakes.receiver import Received, Receiver, Reply
from tests.integration.figures import Figures
from tests.integration.load import event_of
from tests.integration.product import Embedded, Prepared, Product, Servers
from tests.integration.sender import send_all
from tests.integration.waiting import OPEN, wait_until

pytestmark = [pytest.mark.integration, pytest.mark.timeout(900)]


class FourWorkers(Servers):
    COMMANDS = Servers.COMMANDS | {f"worker-{n}": [sys.executable, "manage.py", "runworker"] for n in (3, 4)}


class OneByOne:
    """Answers each path's requests in some milliseconds, every 12th with 500, and notes where two overlapped."""

    def __init__(self) -> None:
        self.busy_until: dict[str, float] = {}
        self.seen: dict[str, list[str]] = defaultdict(list)
        """path -> event ids as they arrived."""
        self.overlaps = 0

    def __call__(self, request: Received) -> Reply:
        delay = random.uniform(0.002, 0.02)
        self.overlaps += request.at < self.busy_until.get(request.target, 0.0)
        self.busy_until[request.target] = request.at + delay
        self.seen[request.target].append(event_of(request.body))
        return Reply(500 if len(self.seen[request.target]) % 12 == 0 else 200, delay_s=delay)


KINDS = [
    pytest.param(Embedded, Embedded, marks=pytest.mark.embedded, id="embedded"),
    pytest.param(Servers, FourWorkers, marks=pytest.mark.postgres, id="servers"),
]


def post_in_turn(product: Product, prepared: Prepared, event_ids: list[str]) -> threading.Thread:
    """In a thread of its own: each is posted when the one before it is known to be stored."""
    work = partial(send_all, product.url, prepared.token, event_ids, at_once=1)
    thread = threading.Thread(target=lambda: asyncio.run(work()))
    thread.start()
    return thread


def arrived(receiver: Receiver, number: int) -> bool:
    return len(receiver.got) >= number


@pytest.mark.parametrize(("small", "large"), KINDS)
def test_in_order_and_one_at_a_time(
    tmp_path: Path, small: type[Product], large: type[Product], full: bool, figures: Figures
) -> None:
    (events, kills), story = (600, 12) if full else (40, 1), OneByOne()
    wanted = [f"event-{number}" for number in range(events)]
    with Receiver(story) as receiver, (large if full else small)(tmp_path) as product:
        in_order = product.prepare(f"{receiver.url}/ordered", ordered=True)
        sending = [post_in_turn(product, each, wanted) for each in (in_order, product.prepare(receiver.url, concurrency=1))]
        for number in range(1, kills + 1):
            wait_until(partial(arrived, receiver, number * 2 * events // (kills + 1)))
            product.kill(random.choice([name for name in product.COMMANDS if name != "web"]))
        for thread in sending:
            thread.join()
        wait_until(lambda: product.sql(OPEN)[0][0] == 0)
    figures.show("requests", len(receiver.got))
    figures.show("overlaps", story.overlaps)
    assert [event for event, _ in groupby(story.seen["/hook/ordered"])] == wanted
    assert (set(story.seen["/hook"]), story.overlaps) == (set(wanted), 0)
