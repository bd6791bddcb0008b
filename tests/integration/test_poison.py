"""Check 29: in every batch one receiver, body, token or purged account that is poison. The neighbours' posts, deliveries and
logs are as they would be without it."""

import asyncio
import random
import socketserver
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

import aiohttp
import pytest

from tests.fakes.receiver import Receiver
from tests.integration.figures import Figures
from tests.integration.product import Embedded, Prepared, Product, Servers
from tests.integration.waiting import OPEN, wait_until

pytestmark = [pytest.mark.integration, pytest.mark.timeout(300)]

KINDS = [
    pytest.param(Embedded, marks=pytest.mark.embedded, id="embedded"),
    pytest.param(Servers, marks=pytest.mark.postgres, id="servers"),
]
# What a receiver answers: bytes that a text column, a number or a parser may choke on.
ANSWERS = [
    b"HTTP/1.1 500 No\r\nX-Note: \xff\xfe\x80\r\nContent-Length: 3\r\n\r\n\x00\xff\x00",
    b"HTTP/1.1 503 No\r\nRetry-After: 9999999999999999999\r\nContent-Length: 0\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nX-Nul: a\x00b\r\nContent-Length: 1\r\n\r\n\x00",
    b"HTTP/1.1 999 \xed\xa0\x80\r\nContent-Length: 4\r\n\r\n\xed\xa0\x80\x00",
    b"HTTP/1.1 99999999999999999999 No\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
    b"HTTP/1.1 200 OK\r\n" + b"X-Many: " + b"y" * 30_000 + b"\r\nContent-Length: 0\r\n\r\n",
    b"HTTP/1.1 429 No\r\nRetry-After: Fri, 31 Dec 99999 23:59:59 GMT\r\nContent-Length: 0\r\n\r\n",
    b"\x00\x00\x00",
    b"",
]
# body -> what its own sender is told
BODIES = {
    b'{"a": "\\u0000"}': 202,
    b'{"a": "\\ud800"}': 400,
    b'{"n": 1e999, "big": ' + b"9" * 5000 + b"}": 202,
    b"[" * 64 + b"]" * 64: 202,
    b"[" * 65 + b"]" * 65: 400,
    b'{"a": NaN}': 400,
    b'{"a": 1, "a": 2}': 400,
    b"\xff\xfe{}": 400,
    b'{"words": "' + b" ".join(b"w%d" % n for n in range(20_000)) + b'"}': 202,
}
TOKENS = ["unknown", "\udcff\udcfe", "x" * 4000, "' OR 1=1 --"]
NEIGHBOURS = 6  # posts of the good account in each round

STATES = """
SELECT delivery.status, delivery.attempts, count(*) FROM deliveries_delivery AS delivery
WHERE delivery.account_id = '{}' GROUP BY delivery.status, delivery.attempts
"""
LOGS = "SELECT count(*), count(DISTINCT delivery_id), max(cursor) FROM logs_log WHERE account_id = '{}' AND status = 'success'"


class Poisonous(socketserver.BaseRequestHandler):
    turn = count()

    def handle(self) -> None:
        self.request.settimeout(5)
        self.request.recv(65_536)
        self.request.sendall(ANSWERS[next(Poisonous.turn) % len(ANSWERS)])


@contextmanager
def poisonous_receiver() -> Iterator[str]:
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Poisonous) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}/"
        server.shutdown()


class Round:
    """Posts that go out at once, in any order: the neighbour's, and one of each poison."""

    def __init__(self, product: Product, good: Prepared, bad: Prepared, doomed: list[Prepared]) -> None:
        self.url = f"{product.url}/server/incoming_data"
        self.good, self.bad, self.doomed = good, bad, doomed
        self.answers: Counter[tuple[str, int]] = Counter()

    async def send(self, session: aiohttp.ClientSession, number: int) -> None:
        body, told = list(BODIES.items())[number % len(BODIES)]
        posts = [("good", self.good.token, f"good-{number}-{n}", b'{"n": %d}' % n) for n in range(NEIGHBOURS)]
        posts += [("bad", self.bad.token, f"bad-{number}", b"{}"), (f"body {told}", self.bad.token, f"body-{number}", body)]
        posts += [("token", TOKENS[number % len(TOKENS)], f"token-{number}", b"{}")]
        posts += [("doomed", doomed.token, f"doomed-{number}", b"{}") for doomed in self.doomed]
        random.shuffle(posts)
        await asyncio.gather(*(self._post(session, *post) for post in posts))

    async def _post(self, session: aiohttp.ClientSession, kind: str, token: str, event_id: str, body: bytes) -> None:
        headers = {"CL-X-TOKEN": token, "CL-X-EVENT-ID": event_id, "Content-Type": "application/json"}
        async with session.post(self.url, data=body, headers=headers) as answer:
            self.answers[kind, answer.status] += 1


def purge_one_after_the_other(product: Product, doomed: list[Prepared]) -> None:
    """Deleted long ago, as far as the purge can tell, while posts and tries of theirs are under way."""
    for each in doomed:
        product.delete(each.account_id)
        aged = "UPDATE accounts_account SET deleted_at = '2020-01-01 00:00:00+00:00' WHERE id = '{}' RETURNING id"
        product.sql(aged.format(key_of(product, each)))
        product.run("manage.py", "purge")


def key_of(product: Product, prepared: Prepared) -> str:
    """As the database writes it: SQLite keeps 32 digits."""
    return prepared.account_id if isinstance(product, Servers) else prepared.account_id.replace("-", "")


async def rounds(sending: Round, purging: threading.Thread, at_least: int) -> int:
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
        for number in count():
            if number >= at_least and not purging.is_alive():
                return number
            await sending.send(session, number)
            if number == 3:  # some of its deliveries are under way
                purging.start()
            await asyncio.sleep(0.05)
    raise AssertionError


@pytest.mark.parametrize("kind", KINDS)
def test_poison_touches_nobody_else(tmp_path: Path, kind: type[Product], full: bool, figures: Figures) -> None:
    at_least, accounts = (300, 6) if full else (15, 1)
    with Receiver() as receiver, poisonous_receiver() as poison, kind(tmp_path) as product:
        good, bad = product.prepare(receiver.url, timeout_s=15), product.prepare(poison)
        doomed = [product.prepare(f"{receiver.url}/doomed", poison) for _ in range(accounts)]
        sending = Round(product, good, bad, doomed)
        purging = threading.Thread(target=purge_one_after_the_other, args=(product, doomed))
        done = asyncio.run(rounds(sending, purging, at_least))
        key, posts = key_of(product, good), done * NEIGHBOURS
        wait_until(lambda: product.sql(f"{OPEN} AND account_id = '{key}'")[0][0] == 0)
        judge(figures, sending.answers, posts)
        own = [request for request in receiver.got if request.target == "/hook"]
        figures.show("neighbours' requests", len(own))
        figures.show("accounts left of those purged", left(product, doomed))
        assert len(own) == len({request.header("webhook-id") for request in own}) == posts
        assert product.sql(STATES.format(key)) == [("success", 1, posts)]
        assert product.sql(LOGS.format(key)) == [(posts, posts, posts)]
        assert left(product, doomed) == 0
        assert [name for name, process in product.processes.items() if process.poll() is not None] == []


def left(product: Product, doomed: list[Prepared]) -> int:
    there = {str(row[0]) for row in product.sql("SELECT id FROM accounts_account")}
    return sum(key_of(product, each) in there for each in doomed)


def judge(figures: Figures, answers: Counter[tuple[str, int]], posts: int) -> None:
    figures.show("answers", {f"{kind}: {status}": number for (kind, status), number in sorted(answers.items())})
    assert answers["good", 202] == posts
    told = {(kind, status) for kind, status in answers if kind != "good"}
    assert told == {("bad", 202), ("body 202", 202), ("body 400", 400), ("token", 401), ("doomed", 202), ("doomed", 401)}
