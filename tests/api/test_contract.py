"""What every resource, list and write of the API keeps to (contract, §3): one test for each promise, over all of the routes."""

from typing import Any

import pytest
from django.conf import LazySettings
from django.db import OperationalError

from apps.deliveries.exports import start_export
from apps.deliveries.models import Delivery
from apps.deliveries.replays import Wanted, start
from apps.events.models import Event
from apps.logs.models import Log
from tests.api.routes import REST, Row
from tests.browsing import everything
from tests.cast import Cast
from tests.rest import Answer, Rest
from tests.writing import GOOD, deliver, post

SINGLE = ["accounts/{account}/", "destinations/{destination}/", "members/{member}/", "logs/{log}/", "events/{event}/",
          "deliveries/{delivery}/", "replays/{replay}/"]  # fmt: skip
VERSIONED = SINGLE[:3]
LISTS = ["roles/", "accounts/", "destinations/", "members/", "events/{event}/replay/"]
LISTS += [
    f"accounts/{{account}}/{name}/" for name in ("destinations", "members", "logs", "events", "deliveries", "replays", "audit")
]
SECRET = [("POST", "accounts/"), ("GET", "accounts/{account}/token/"), ("POST", "accounts/{account}/token/rotate/"),
          ("POST", "destinations/"), ("GET", "destinations/{destination}/secret/"),
          ("POST", "destinations/{destination}/secret/rotate/"), ("POST", "auth/login/"),
          ("POST", "auth/refresh/")]  # fmt: skip
WRITES = [row for row in REST if row.method in {"POST", "PUT", "PATCH"}]
FIELDS = {
    "destinations/{destination}/": {
        "id", "account_id", "name", "url", "http_method", "headers", "state", "state_reason", "version", "timeout_s",
        "retry_schedule", "rate_limit", "concurrency", "ordered", "breaker", "created_at", "updated_at", "created_by",
        "updated_by",
    },
    "events/{event}/": {"id", "event_id", "account_id", "received_timestamp", "received_data", "size"},
    "deliveries/{delivery}/": {
        "id", "event", "event_id", "destination_id", "status", "reason", "attempts", "max_attempts", "next_attempt_at",
        "replay_of",
    },
    "replays/{replay}/": {
        "id", "account_id", "state", "filter", "rate", "total", "total_exact", "handled", "made", "busy", "needless",
        "position_at", "created_at", "updated_at", "finished_at",
    },
    "logs/{log}/": {
        "id", "cursor", "event", "event_id", "delivery_id", "account_id", "destination_id", "received_timestamp",
        "processed_timestamp", "received_data", "status", "attempt", "max_attempts", "next_attempt_at", "late",
        "response_status", "latency_ms", "timings", "error", "response_headers", "response_body",
    },
}  # fmt: skip


class Place:
    """Alice's account with something of everything in it."""

    def __init__(self, cast: Cast) -> None:
        destination = cast.destination("https://example.com/hook")
        post(cast, b'{"a": 1}')
        deliver(GOOD)
        rows: dict[str, Any] = {"account": cast.account, "destination": destination, "member": cast.normal_user}
        rows |= {"event": Event.objects.get(), "delivery": Delivery.objects.get(), "log": Log.objects.get()}
        rows |= {"export": start_export(by=cast.admin), "replay": start(by=cast.admin, wanted=Wanted(status="failed"))}
        self.ids = {name: str(row.pk) for name, row in rows.items()}
        self.alice = Rest(cast.alice)

    def body(self, row: Row, **more: Any) -> dict[str, Any]:
        sent = (row.body or {}) | more
        return {name: value.format(**self.ids) if isinstance(value, str) else value for name, value in sent.items()}

    def __call__(self, method: str, path: str, body: Any = None, **headers: str) -> Answer:
        return self.alice(method, path.format(**self.ids), body, **headers)


@pytest.fixture
def place(cast: Cast) -> Place:
    return Place(cast)


def test_each_single_resource_has_an_etag_of_its_version_that_spares_the_body(place: Place) -> None:
    for path in SINGLE:
        read = place("GET", path)
        assert (read.status, read.headers["cache-control"], read.headers["etag"].strip('"').isdigit()) == (
            200, "private, no-cache", True,
        )  # fmt: skip
        for given in (read.headers["etag"], f'"0", W/{read.headers["etag"]}', "*"):
            again = place("GET", path, If_None_Match=given)
            assert (again.status, again.body, again.headers["etag"]) == (304, None, read.headers["etag"])


@pytest.mark.parametrize("given", ['"99"', '"x"', "W/1", '"1", "2"'])
def test_a_write_that_names_another_version_is_stale_and_changes_nothing(place: Place, given: str) -> None:
    before = everything()
    bodies = {(row.method, row.path): place.body(row) for row in WRITES}
    for path in VERSIONED:
        for method in ("PUT", "PATCH", "DELETE"):
            answer = place(method, path, bodies.get((method, path)), If_Match=given)
            assert (answer.status, answer.body["message"], answer.body["code"]) == (412, "Precondition Failed", "stale")
    assert everything() == before


def test_what_get_gave_can_be_put_back(place: Place) -> None:
    for path in VERSIONED:
        read = place("GET", path)
        put = place("PUT", path, read.body, If_Match=read.headers["etag"])
        assert (put.status, put.body["message"]) == (200, "Data Received"), put.body
        kept = {name: value for name, value in read.body.items() if name not in {"updated_at", "updated_by", "version"}}
        assert kept.items() <= put.body["data"].items()


@pytest.mark.parametrize("row", WRITES, ids=lambda row: f"{row.method} {row.path}")
def test_an_unknown_field_is_named_and_nothing_happens(place: Place, row: Row) -> None:
    before = everything()
    answer = place(row.method, row.path, place.body(row, colour="red"))
    assert (answer.status, answer.body["message"], list(answer.body["details"])) == (400, "Invalid Data", ["colour"])
    assert everything() == before


@pytest.mark.parametrize("field", ["account_id", "user_id", "email"])
def test_whose_a_member_is_never_changes(place: Place, cast: Cast, field: str) -> None:
    other = {"account_id": str(cast.other.pk), "user_id": str(cast.charlie.pk), "email": "x@example.com"}[field]
    answer = place("PATCH", "members/{member}/", {field: other})
    assert (answer.status, list(answer.body["details"])) == (400, [field])


def test_each_resource_has_the_fields_that_are_promised(place: Place) -> None:
    for path, fields in FIELDS.items():
        assert fields <= set(place("GET", path).body), path


@pytest.mark.parametrize("path", LISTS)
def test_a_list_is_a_page_of_at_most_200_and_names_what_is_wrong(place: Place, path: str) -> None:
    page = place("GET", f"{path}?page_size=200")
    assert (page.status, list(page.body)) == (200, ["next", "previous", "results"])
    assert page.headers["cache-control"] == "private, no-cache"
    for query in ("page_size=201", "page_size=0", "page_size=x", "colour=red", "ordering=colour", "cursor=x"):
        answer = place("GET", f"{path}?{query}")
        assert (answer.status, list(answer.body["details"])) == (400, [query.partition("=")[0]])


@pytest.mark.parametrize(("method", "path"), SECRET)
def test_what_holds_a_secret_is_kept_by_nobody_on_the_way(place: Place, cast: Cast, method: str, path: str) -> None:
    (row,) = [each for each in REST if (each.method, each.path) == (method, path)]
    assert place(method, path, place.body(row) if method == "POST" else None).headers["cache-control"] == "no-store"


@pytest.mark.parametrize("grace", [-1, 604_801, "x", None, 1.5])
def test_a_bad_grace_of_a_secret_is_named(place: Place, grace: object) -> None:
    answer = place("POST", "destinations/{destination}/secret/rotate/", {"grace_seconds": grace})
    assert (answer.status, list(answer.body["details"])) == (400, ["grace_seconds"])


def test_a_method_that_a_path_has_not_is_refused_with_those_that_it_has(place: Place) -> None:
    paths = {row.path for row in REST}
    for path in sorted(paths):
        methods = {row.method for row in REST if row.path == path}
        for method in {"GET", "POST", "PUT", "PATCH", "DELETE"} - methods:
            answer = place(method, path, {} if method.startswith("P") else None)
            assert (answer.status, answer.body["message"]) == (405, "Method Not Allowed"), path
            assert methods <= set(answer.headers["allow"].split(", "))


def test_a_body_of_too_many_bytes_is_refused(place: Place, settings: LazySettings) -> None:
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 1000
    answer = place("POST", "accounts/", {"account_name": "x" * 1000})
    assert (answer.status, answer.body["message"], answer.body["code"]) == (413, "Invalid Data", "too_large")
    assert place("POST", "accounts/", {"account_name": "x" * 900}).status == 400  # that it is too long a name is another matter


@pytest.mark.parametrize("where", ["apps.users.api.authentication.bearer_of", "apps.accounts.selectors.visible_accounts"])
def test_without_the_database_it_says_when_to_come_again(place: Place, where: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def away(*_: object) -> None:
        raise OperationalError("host=10.0.0.1 password=x")

    monkeypatch.setattr(where, away)
    answer = place("GET", "accounts/")
    assert (answer.status, answer.body["message"], answer.headers["retry-after"]) == (503, "Unavailable", "1")
    assert "password" not in str(answer.body)


@pytest.mark.parametrize("path", ["../nowhere/", "nowhere/", "accounts/x/"])
def test_where_nothing_is_the_envelope_says_so(place: Place, path: str) -> None:
    answer = place("GET", path)
    assert (answer.status, answer.body["message"], answer.body["code"]) == (404, "Not Found", "not_found")


@pytest.mark.parametrize(
    ("sent", "kept"), [("a.B-1_x", True), ("x" * 128, True), ("x" * 129, False), ("a b", False), ("é", False)]
)
def test_the_request_id_is_the_callers_where_it_is_well_formed(place: Place, sent: str, kept: bool) -> None:
    for path in ("accounts/", "nowhere/"):
        answer = place("GET", path, X_Request_ID=sent)
        assert (answer.headers["x-request-id"] == sent) is kept
