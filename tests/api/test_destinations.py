"""Destinations over REST: who may, which header values are seen, and where they may go."""

from typing import Any

import pytest
from standardwebhooks import Webhook

from apps.deliveries.claims import claim_due
from apps.deliveries.compose import compose
from apps.destinations.models import Destination
from apps.ingest.batch import store
from tests.browsing import everything
from tests.cast import Cast
from tests.events import make_post
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
        ({"account_id": "01900000-0000-7000-8000-000000000000"}, "account_id"),
        ({"account_id": "x"}, "account_id"),
        ({"state": "active", "colour": "red"}, "colour"),
    ],
)
def test_bad_fields_are_named_and_nothing_is_made(cast: Cast, changes: dict[str, Any], field: str) -> None:
    answer = Rest(cast.alice).post("destinations/", body(cast, **changes))
    assert (answer.status, list(answer.body["details"])) == (400, [field])
    assert not Destination.objects.exists()


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


def test_another_path_on_the_same_host_keeps_the_values(cast: Cast, made: Destination) -> None:
    assert Rest(cast.alice).patch(at(made), {"url": "https://HOOKS.example.com:443/other"}).status == 200
    made.refresh_from_db()
    assert made.headers == SECRET


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
