"""Check 26: secrets are planted wherever people put them; then every log, row, file, page, answer and frame is searched."""

import asyncio
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
import redis
import requests

from tests.fakes.receiver import Received, Receiver, Reply
from tests.integration.figures import Figures
from tests.integration.product import Embedded, Prepared, Product, Servers
from tests.integration.sender import send_all
from tests.integration.viewer import socket_of
from tests.integration.waiting import OPEN, wait_until

pytestmark = [pytest.mark.integration, pytest.mark.timeout(300)]

KINDS = [
    pytest.param(Embedded, marks=pytest.mark.embedded, id="embedded"),
    pytest.param(Servers, marks=pytest.mark.postgres, id="servers"),
]
PASSWORD, NEW_PASSWORD = "planted correct horse", "planted new battery"
HEADER, SECOND = "planted-header-value/1+2=3", "planted-second-value"
PAGES = [
    "", "live/", "glance/", "destinations/", "events/", "deliveries/", "members/", "settings/", "replays/",
    "destinations/{destination}/", "destinations/{destination}/settings/", "destinations/{destination}/signing/",
    "events/{event}/", "events/{event}/data/",
]  # fmt: skip
READS = [
    "auth/me/", "auth/me/export/", "accounts/", "accounts/{account}/", "accounts/{account}/destinations/", "destinations/",
    "destinations/{destination}/", "accounts/{account}/members/", "accounts/{account}/logs/", "accounts/{account}/events/",
    "events/{event}/", "accounts/{account}/deliveries/", "accounts/{account}/stats/",
]  # fmt: skip


def echo(request: Received) -> Reply:
    """Says all that it was told, in its headers and its body."""
    told = {f"X-Echo-{name}": value for name, value in request.headers}
    return Reply(500 if "first" in request.target else 200, told, json.dumps(dict(request.headers)).encode() + request.body)


@dataclass
class Person:
    """A client of REST and of the pages, that keeps what nobody else may see."""

    url: str
    email: str
    password: str = PASSWORD
    secrets: dict[str, str] = field(default_factory=dict)
    browser: requests.Session = field(default_factory=requests.Session)

    def rest(self, method: str, path: str, body: Any = None) -> Any:
        bearer = {"Authorization": f"Bearer {self.secrets['access token']}"} if "access token" in self.secrets else {}
        answer = requests.request(method, f"{self.url}/api/v1/{path}", json=body, headers=bearer, timeout=10)
        assert answer.ok, answer.text
        return answer.json()

    def sign_in(self) -> "Person":
        pair = self.rest("POST", "auth/login/", {"email": self.email, "password": self.password})["data"]
        self.secrets |= {"access token": pair["access"], "refresh token": pair["refresh"]}
        self.browser.get(f"{self.url}/user/login/", timeout=10)
        form = {"login": self.email, "password": self.password, "csrfmiddlewaretoken": self.browser.cookies["csrftoken"]}
        self.browser.post(f"{self.url}/user/login/", form, timeout=10)
        return self

    @property
    def session(self) -> str:
        """Django keeps it as it is: docs/security.md."""
        return str(self.browser.cookies["sessionid"])


def plant(product: Product, receiver: Receiver) -> tuple[Person, Person, dict[str, str]]:
    """Alice with an account, Bob in it as Normal user, and the ids of what there is."""
    alice, bob = (Person(product.url, f"{name}@example.com") for name in ("alice", "bob"))
    for each in (alice, bob):
        each.rest("POST", "auth/register/", {"email": each.email, "password": each.password})
        each.sign_in()
    alice.rest("PATCH", "auth/me/", {"current_password": PASSWORD, "password": NEW_PASSWORD})
    alice.secrets["new password"], alice.password = NEW_PASSWORD, NEW_PASSWORD
    alice.sign_in()
    account = alice.rest("POST", "accounts/", {"account_name": "Northwind"})["data"]
    path = f"accounts/{account['account_id']}"
    alice.secrets["token"] = alice.rest("POST", f"{path}/token/rotate/", {"grace_seconds": 600})["data"]["app_secret_token"]
    alice.secrets["older token"] = account["app_secret_token"]
    alice.rest("POST", "members/", {"account_id": account["account_id"], "email": bob.email, "role_id": 2})
    made = [destination(alice, account["account_id"], f"{receiver.url}/{place}") for place in ("first", "second")]
    alice.secrets |= {f"signing secret {number}": each["signing_secret"] for number, each in enumerate(made)}
    return alice, bob, {"account": account["account_id"], "destination": made[0]["id"]}


def destination(alice: Person, account_id: str, url: str) -> Any:
    headers = {"X-Key": HEADER, "Authorization": f"Bearer {SECOND}"}
    wanted = {"account_id": account_id, "url": url, "http_method": "POST", "headers": headers, "retry_schedule": [1]}
    made = alice.rest("POST", "destinations/", wanted)["data"]
    alice.rest("POST", f"destinations/{made['id']}/test/")
    alice.secrets |= {"header value": HEADER, "bearer of a header": SECOND}
    return made


def shown(bob: Person, ids: dict[str, str]) -> Iterator[tuple[str, bytes]]:
    """What a Normal user is shown."""
    for path in PAGES:
        place = f"accounts/{ids['account']}/{path}".format(**ids)
        yield f"page {place}", bob.browser.get(f"{bob.url}/{place}", timeout=10).content
    for path in READS:
        yield f"rest {path}", json.dumps(bob.rest("GET", path.format(**ids))).encode()


def kept(product: Product) -> Iterator[tuple[str, bytes]]:
    """What a thief of the disk and of Redis would read."""
    yield "log", product.logged().encode()
    for file in sorted(product.directory.glob("*.sqlite3*")):
        yield file.name, file.read_bytes()
    if isinstance(product, Servers):
        yield "database's log", product.postgres.log.read_bytes()
        yield from ((str(file), file.read_bytes()) for file in sorted(product.postgres.data.rglob("*")) if file.is_file())
        yield from (("redis", each) for each in _redis(product))


def _redis(product: Servers) -> Iterator[bytes]:
    with redis.Redis.from_url(product.valkey.url) as client:
        for key in client.scan_iter():
            yield bytes(key)
            yield bytes(client.dump(key) or b"")


async def frames(product: Product, watcher: Prepared) -> bytes:
    """All that a live socket says of what has been."""
    async with socket_of(product, watcher, "after=0") as socket:
        said = [await socket.recv(decode=False) for _ in range(2)]
    return b"\n".join(said)


def writings(secret: str) -> set[bytes]:
    """As it is, and as JSON, HTML and URLs put it."""
    plain = {secret, json.dumps(secret)[1:-1], secret.replace("/", "\\/"), quote(secret, safe="")}
    return {each.encode() for each in plain | {secret.replace("+", "&#x2B;"), secret.replace("=", "\\u003d")}}


@pytest.mark.parametrize("kind", KINDS)
def test_no_planted_secret_is_found_anywhere(tmp_path: Path, kind: type[Product], figures: Figures) -> None:
    with Receiver(echo) as receiver, kind(tmp_path) as product:
        alice, bob, ids = plant(product, receiver)
        posted = [f"event-{number}" for number in range(4)]  # of one that fails twice: its breaker stays closed
        asyncio.run(send_all(product.url, alice.secrets["token"], posted))
        wait_until(lambda: product.sql(OPEN)[0][0] == 0, 60)
        ids["event"] = bob.rest("GET", f"accounts/{ids['account']}/events/")["results"][0]["id"]
        watcher = Prepared(ids["account"], "", bob.session)
        places = [*shown(bob, ids), ("socket", asyncio.run(frames(product, watcher))), *kept(product)]
        passwords = {"password": PASSWORD} | alice.secrets
    secrets = {f"{name}: {writing!r}": writing for name, secret in passwords.items() for writing in writings(secret)}
    found = [(place, name) for place, content in places for name, writing in secrets.items() if writing in content]
    figures.show("secrets", len(passwords))
    figures.show("places searched", len(places))
    figures.show("found", len(found))
    assert found == []
    assert len(receiver.got) >= 12
    assert all(request.header("X-Key") == HEADER for request in receiver.got)


@pytest.mark.parametrize("kind", KINDS[:1])
def test_the_search_finds_what_is_there(tmp_path: Path, kind: type[Product]) -> None:
    """What is searched is read as it stands: an event's id and its payload, which we do not encrypt, are found."""
    with kind(tmp_path) as product:
        asyncio.run(send_all(product.url, product.prepare().token, ["findable-event"]))
        content = b"".join(each for _, each in kept(product))
    assert content.count(b"findable-event") >= 2
