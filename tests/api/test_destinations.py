"""Destinations over REST: who may, which header values are seen, and where they may go."""

from typing import Any

import pytest
from standardwebhooks import Webhook

from apps.common.fields import MASK
from apps.deliveries.claims import claim_due
from apps.deliveries.compose import compose
from apps.deliveries.engine import Engine
from apps.destinations.models import Destination
from apps.ingest.batch import store
from apps.logs.models import Log
from tests.browsing import everything
from tests.cast import Cast
from tests.events import make_post
from tests.fakes.receiver import Receiver
from tests.posting import in_db, post, until
from tests.rest import Rest

URL = "https://hooks.example.com/in"
SECRET = {"Authorization": "Bearer abc", "X-Team": "blue"}


@pytest.fixture
def made(cast: Cast) -> Destination:
    return cast.destination(URL, headers=SECRET)


def at(destination: Destination, below: str = "") -> str:
    return f"destinations/{destination.pk}/{below}"


def body(cast: Cast, **changes: Any) -> dict[str, Any]:
    return {"account_id": str(cast.account.pk), "url": URL, "http_method": "POST", "headers": SECRET} | changes


def test_create_gives_the_signing_secret_once(cast: Cast) -> None:
    alice = Rest(cast.alice)
    data = alice.post("destinations/", body(cast)).body["data"]
    assert data["signing_secret"].startswith("whsec_")
    assert (data["name"], data["state"], data["timeout_s"], data["version"]) == ("hooks.example.com", "active", 15, 1)
    read = alice.get(f"destinations/{data['id']}/")
    assert read.body["headers"] == SECRET
    assert "signing_secret" not in read.body


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"url": "ftp://example.com"}, "url"),
        ({"url": "http://169.254.169.254/"}, "url"),
        ({"http_method": "DELETE"}, "http_method"),
        ({"headers": {}}, "headers"),
        ({"headers": {"Host": "x"}}, "headers"),
        ({"headers": {"X": "a\r\nB: c"}}, "headers"),
        ({"headers": {"X": "********"}}, "headers"),
        ({"timeout_s": 31}, "timeout_s"),
        ({"retry_schedule": [0]}, "retry_schedule"),
        ({"retry_schedule": "5"}, "retry_schedule"),
        ({"retry_schedule": []}, "retry_schedule"),
        ({"rate_limit": -1}, "rate_limit"),
        ({"rate_limit": 0}, "rate_limit"),
        ({"rate_limit": "5"}, "rate_limit"),
        ({"rate_limit": True}, "rate_limit"),
        ({"concurrency": 0}, "concurrency"),
        ({"concurrency": 1001}, "concurrency"),
        ({"concurrency": 1.5}, "concurrency"),
        ({"ordered": "yes"}, "ordered"),
        ({"account_id": "01900000-0000-7000-8000-000000000000"}, "account_id"),
        ({"account_id": "x"}, "account_id"),
        ({"state": "active", "colour": "red"}, "colour"),
    ],
)
def test_bad_fields_are_named_and_nothing_is_made(cast: Cast, changes: dict[str, Any], field: str) -> None:
    answer = Rest(cast.alice).post("destinations/", body(cast, **changes))
    assert (answer.status, list(answer.body["details"])) == (400, [field])
    assert not Destination.objects.exists()


@pytest.mark.parametrize("number", [b"1" + b"0" * 400, b"1e999", b"-1e999", b"NaN", b"[1]"], ids=range(5))
def test_a_number_that_no_column_takes_is_a_bad_field(made: Destination, cast: Cast, number: bytes) -> None:
    assert Rest(cast.alice).patch(at(made), b'{"rate_limit": %s}' % number).status == 400


def test_a_policy_is_set_read_and_taken_back(cast: Cast) -> None:
    alice, policy = Rest(cast.alice), {"rate_limit": 0.5, "concurrency": 1, "ordered": True, "retry_schedule": [1, 2]}
    data = alice.post("destinations/", body(cast, **policy)).body["data"]
    assert {name: data[name] for name in policy} == policy
    none = {"rate_limit": None, "concurrency": None, "ordered": False}
    assert alice.get(f"destinations/{data['id']}/").body["rate_limit"] == 0.5
    assert none.items() <= alice.patch(f"destinations/{data['id']}/", none).body["data"].items()


def test_another_accounts_id_in_the_body_is_a_bad_field_not_a_404(cast: Cast) -> None:
    answer = Rest(cast.alice).post("destinations/", body(cast, account_id=str(cast.other.pk)))
    assert (answer.status, answer.body["details"]) == (400, {"account_id": ["There is no such account."]})


def test_a_normal_user_reads_masked_values_and_may_write_them_back(cast: Cast, made: Destination) -> None:
    bob = Rest(cast.bob)
    read = bob.get(at(made)).body
    assert read["headers"] == {"Authorization": "********", "X-Team": "********"}
    put = bob.put(at(made), read | {"name": "renamed", "headers": read["headers"] | {"X-Team": "red"}})
    assert (put.status, put.body["data"]["name"]) == (200, "renamed")
    made.refresh_from_db()
    assert made.headers == {"Authorization": "Bearer abc", "X-Team": "red"}
    assert bob.get(f"accounts/{cast.account.pk}/destinations/").body["results"][0]["headers"]["X-Team"] == "********"


@pytest.mark.parametrize("url", ["https://evil.example/in", "http://hooks.example.com/in", "https://hooks.example.com:444/in"])
@pytest.mark.parametrize("who", ["alice", "bob"])
def test_a_stored_value_never_goes_to_another_host(cast: Cast, made: Destination, url: str, who: str) -> None:
    rest = Rest(getattr(cast, who))
    for headers in ({}, {"headers": {"Authorization": "********", "X-Team": "red"}}):
        answer = rest.patch(at(made), {"url": url} | headers)
        assert (answer.status, list(answer.body["details"])) == (400, ["headers"])
    made.refresh_from_db()
    assert (made.url, made.headers) == (URL, SECRET)
    assert rest.patch(at(made), {"url": url, "headers": {"X-New": "1"}}).status == 200


@pytest.mark.parametrize("who", ["alice", "bob"])
async def test_on_the_wire_no_old_value_reaches_the_new_host(cast: Cast, receiver: Receiver, engine: Engine, who: str) -> None:
    made = await in_db(cast.destination, "http://127.0.0.1:2/closed", headers=SECRET, retry_schedule=[1, 2, 4])
    rest = await in_db(Rest, getattr(cast, who))
    await post(cast.token, "e1", b"{}")  # tried at the old host, and sooner or later again at the new one
    engine.wake()
    await until(Log.objects.exists)
    for headers in ({}, {"headers": dict.fromkeys(SECRET, MASK)}, {"headers": SECRET | {"Authorization": MASK}}):
        assert (await in_db(rest.patch, at(made), {"url": receiver.url} | headers)).status == 400
    await post(cast.token, "e2", b"{}")
    assert not receiver.got
    moved = await in_db(rest.patch, at(made), {"url": receiver.url, "headers": {"X-Team": "green"}})
    assert moved.status == 200
    engine.wake()
    await until(lambda: len(set(receiver.ids())) == 2)
    sent = [dict(request.headers) for request in receiver.got]
    assert all(each["X-Team"] == "green" for each in sent)
    assert not [each for each in sent if any(value in str(each) for value in ("Bearer abc", "blue", made.signing_secret))]


def test_another_path_on_the_same_host_keeps_the_values(cast: Cast, made: Destination) -> None:
    assert Rest(cast.alice).patch(at(made), {"url": "https://HOOKS.example.com:443/other"}).status == 200
    made.refresh_from_db()
    assert made.headers == SECRET


@pytest.mark.parametrize("url", ["http://hooks.example.com:99999/", "http://[x]/", "http://[::1/"])
def test_what_is_no_address_at_all_is_a_bad_field(cast: Cast, made: Destination, url: str) -> None:
    alice = Rest(cast.alice)
    before = everything()
    answer = alice.patch(at(made), {"url": url})
    assert (answer.status, list(answer.body["details"])) == (400, ["url"])
    assert everything() == before


def test_the_account_of_a_destination_never_changes(cast: Cast, made: Destination) -> None:
    answer = Rest(cast.alice).patch(at(made), {"account_id": str(cast.other.pk)})
    assert (answer.status, list(answer.body["details"])) == (400, ["account_id"])


def test_an_etag_guards_the_write(cast: Cast, made: Destination) -> None:
    alice = Rest(cast.alice)
    etag = alice.get(at(made)).headers["etag"]
    assert alice.get(at(made), If_None_Match=etag).status == 304
    assert alice.patch(at(made), {"timeout_s": 5}, If_Match=etag).headers["etag"] == '"2"'
    assert alice.patch(at(made), {"timeout_s": 6}, If_Match=etag).status == 412
    assert alice.delete(at(made), If_Match=etag).status == 412


def test_pause_resume_and_delete(cast: Cast, made: Destination) -> None:
    alice = Rest(cast.alice)
    assert alice.post(at(made, "pause/")).body["data"]["state"] == "paused"
    assert alice.post(at(made, "resume/")).body["data"]["state"] == "active"
    assert alice.delete(at(made)).status == 204
    assert alice.get(at(made)).status == 404
    actions = [row["action"] for row in alice.get(f"accounts/{cast.account.pk}/audit/").body["results"]]
    assert actions[:3] == ["destination.deleted", "destination.active", "destination.paused"]


@pytest.mark.parametrize(
    ("method", "below"),
    [("DELETE", ""), ("POST", "pause/"), ("POST", "resume/"), ("GET", "secret/"), ("POST", "secret/rotate/")],
)
def test_what_only_an_admin_may(cast: Cast, made: Destination, method: str, below: str) -> None:
    bob, charlie = Rest(cast.bob), Rest(cast.charlie)
    before = everything()
    sent: dict[str, Any] | None = {} if method == "POST" else None
    assert bob(method, at(made, below), sent).status == 403
    assert charlie(method, at(made, below), sent).status == 404
    assert bob.post("destinations/", body(cast)).status == 403
    assert charlie.get(f"accounts/{cast.account.pk}/destinations/").status == 404
    assert charlie.get("destinations/").body["results"] == []
    assert everything() == before


def test_for_a_stranger_a_write_changes_nothing(cast: Cast, made: Destination) -> None:
    charlie = Rest(cast.charlie)
    before = everything()
    assert charlie.patch(at(made), {"name": "mine"}).status == charlie.put(at(made), body(cast)).status == 404
    assert everything() == before


def test_a_rotated_secret_signs_beside_the_old_one_for_its_grace(cast: Cast, made: Destination) -> None:
    alice = Rest(cast.alice)
    old = alice.get(at(made, "secret/")).body["signing_secret"]
    new = alice.post(at(made, "secret/rotate/")).body["data"]["signing_secret"]
    store([make_post(cast.token, cast.account, "e1", b"{}")])
    (claim,) = claim_due(1)
    request = compose(claim, claim.claimed_at)
    assert request is not None
    for secret in (old, new):
        Webhook(secret).verify("{}", dict(request.headers))
    alice.post(at(made, "secret/rotate/"), {"grace_seconds": 0})
    made.refresh_from_db()
    assert made.signing_secrets(claim.claimed_at) == (made.signing_secret,)


def test_the_history_keeps_names_of_headers_never_values(cast: Cast, made: Destination) -> None:
    alice = Rest(cast.alice)
    alice.patch(at(made), {"url": f"{URL}?token=s3cret", "headers": {"X-Other": "s3cret"}})
    alice.get(at(made, "secret/"))
    history = alice.get(f"accounts/{cast.account.pk}/audit/").body["results"]
    assert history[1]["after"]["headers"] == ["X-Other"]
    assert "s3cret" not in str(history)
    assert "whsec_" not in str(history)
