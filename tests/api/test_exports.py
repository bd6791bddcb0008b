"""An account's data as JSON lines: complete, each line once, for Admins only, and gone after a day."""

from datetime import timedelta
from typing import Any

import orjson
import pytest
from django.core.handlers.asgi import ASGIHandler
from django.db import OperationalError
from django.db.models.functions import Now
from django.test import Client
from django.utils import timezone

from apps.accounts.services import delete_account
from apps.common.ids import uuid7
from apps.deliveries import exports
from apps.deliveries.api.exports import ExportSerializer
from apps.deliveries.claims import claim_due
from apps.deliveries.exports import start_export, write_exports
from apps.deliveries.models import Export, ExportPart
from apps.deliveries.purging import remove_exports
from apps.deliveries.request import Error, Outcome, Result
from apps.deliveries.services import record
from apps.ingest.batch import store
from tests.browsing import everything
from tests.cast import Cast, make_destination
from tests.events import make_post
from tests.fakes.asgi import call
from tests.posting import in_db
from tests.rest import Rest
from tests.together import together

BODY = b'{\r\n  "total": 1.10,\n  "big": 123456789012345678901234567890, "text": "\\n"\n}'
GOOD = Outcome(Error.NONE, response_status=200, latency_ms=5, response_body=b"a\nb\x00\xff")


def fill(cast: Cast, number: int = 5) -> None:
    cast.destination("https://example.com/hook", headers={"Authorization": "Bearer s3cret"})
    make_destination(cast.other.members.get(), "https://example.com/charlies")
    store([make_post(cast.token, cast.account, f"e{n}", BODY) for n in range(number)])
    store([make_post(cast.other_token, cast.other, "charlies", b'{"of": "charlie"}')])
    record([Result(uuid7(), claim, GOOD, timezone.now()) for claim in claim_due(2 * number)])


def start(cast: Cast) -> str:
    made = Rest(cast.alice).post(f"accounts/{cast.account.pk}/export/")
    assert (made.status, set(made.body["data"])) == (201, set(ExportSerializer().fields))
    return f"exports/{made.body['data']['id']}/"


def write_all() -> None:
    while write_exports():
        pass


def raw(cast: Cast, path: str, **headers: str) -> Any:
    pair = Rest(cast.alice).pair
    assert pair is not None
    sent = {"Authorization": f"Bearer {pair.access}"} | headers
    return Client().get(f"/api/v1/{path}data/", headers=sent)


def content(cast: Cast, path: str) -> bytes:
    return b"".join(raw(cast, path))


def lines(cast: Cast, path: str) -> list[dict[str, Any]]:
    return [orjson.loads(line) for line in content(cast, path).splitlines()]


def test_it_has_everything_of_the_account_and_nothing_of_others(cast: Cast) -> None:
    fill(cast)
    path = start(cast)
    write_all()
    found = lines(cast, path)
    kinds = [line["type"] for line in found]
    assert {kind: kinds.count(kind) for kind in dict.fromkeys(kinds)} == {
        "account": 1, "member": 2, "destination": 1, "event": 5, "delivery": 5, "log": kinds.count("log"),
    }  # fmt: skip
    assert kinds.count("log") >= 4
    state = Rest(cast.alice).get(path).body
    assert (state["state"], state["lines"], state["reason"]) == ("done", len(found), "")
    text = str(found)
    assert "charlie" not in text
    assert "s3cret" not in text
    assert "whsec_" not in text
    assert cast.token not in text
    assert found[3]["headers"] == {"Authorization": "********"}


def test_data_keeps_its_numbers_and_stays_in_one_line(cast: Cast) -> None:
    fill(cast, 1)
    path = start(cast)
    write_all()
    whole = content(cast, path)
    assert BODY.replace(b"\r\n", b"  ").replace(b"\n", b" ") in whole
    (event,) = [line for line in lines(cast, path) if line["type"] == "event"]
    assert (event["event_id"], event["received_data"]["text"], event["size"]) == ("e0", "\n", len(BODY))
    assert whole.count(b"\n") == Export.objects.get().lines


def test_a_crash_anywhere_neither_loses_nor_doubles_a_line(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exports, "_ROWS", 2)
    fill(cast)
    path = start(cast)
    step, calls = exports._step, iter(range(1000))

    def crashing(export: Export) -> None:
        step(export)
        if next(calls) % 2:
            raise OperationalError

    monkeypatch.setattr(exports, "_step", crashing)
    while Export.objects.filter(state="running").exists():
        try:
            write_exports()
        except OperationalError:
            continue
    found = lines(cast, path)
    assert len(found) == len({(line["type"], line.get("id")) for line in found}) == Export.objects.get().lines
    assert [line["event_id"] for line in found if line["type"] == "event"] == [f"e{n}" for n in range(5)]


def test_large_events_go_in_parts(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exports, "_EVENT_BYTES", 2 * len(BODY))
    fill(cast)
    path = start(cast)
    write_all()
    assert len(lines(cast, path)) == Export.objects.get().lines
    assert ExportPart.objects.count() == 3 + 3 + 2


def test_two_workers_write_together(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exports, "_ROWS", 1)
    fill(cast)
    path = start(cast)
    outcomes = together(2, lambda _: [write_exports() for _ in range(40)])
    assert not [each for each in outcomes if isinstance(each, Exception)]
    write_all()
    found = lines(cast, path)
    assert len(found) == len({(line["type"], line.get("id")) for line in found}) == Export.objects.get().lines


def test_one_at_a_time_for_an_account(cast: Cast) -> None:
    outcomes = together(3, lambda _: start_export(by=cast.admin))
    assert sorted(type(each).__name__ for each in outcomes) == ["Conflict", "Conflict", "Export"]
    assert Rest(cast.alice).post(f"accounts/{cast.account.pk}/export/").status == 409
    write_all()
    start(cast)


def test_what_is_not_written_yet_cannot_be_read(cast: Cast) -> None:
    path = start(cast)
    assert Rest(cast.alice).get(f"{path}data/").status == 409
    write_all()
    answer = raw(cast, path, Accept="application/x-ndjson")
    assert (answer.status_code, answer["Content-Type"], answer["Cache-Control"]) == (200, "application/x-ndjson", "no-store")
    assert "attachment" in answer["Content-Disposition"]


async def test_under_asgi_it_streams_part_by_part(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exports, "_ROWS", 1)
    path = await in_db(start, cast)
    await in_db(write_all)
    pair = (await in_db(Rest, cast.alice)).pair
    assert pair is not None
    answer = await call(ASGIHandler(), "GET", f"/api/v1/{path}data/", [("Authorization", f"Bearer {pair.access}")])
    assert [orjson.loads(line)["type"] for line in answer.body.splitlines()] == ["account", "member", "member"]


def test_only_an_admin_may_and_for_a_stranger_it_does_not_exist(cast: Cast) -> None:
    path = start(cast)
    write_all()
    bob, charlie = Rest(cast.bob), Rest(cast.charlie)
    before = everything()
    for each in (path, f"{path}data/"):
        assert [bob.get(each).status, charlie.get(each).status, Rest().get(each).status] == [403, 404, 401]
    account = f"accounts/{cast.account.pk}/export/"
    assert [bob.post(account).status, charlie.post(account).status] == [403, 404]
    assert everything() == before


def test_after_its_day_it_is_gone(cast: Cast) -> None:
    path = start(cast)
    write_all()
    assert remove_exports() == 0
    Export.objects.update(expires_at=Now() - timedelta(seconds=1))
    assert Rest(cast.alice).get(path).status == Rest(cast.alice).get(f"{path}data/").status == 404
    while remove_exports():
        pass
    assert (Export.objects.count(), ExportPart.objects.count()) == (0, 0)


@pytest.mark.parametrize("why", ["internal", "too_large"])
def test_one_that_fails_says_so_and_makes_room_for_the_next(cast: Cast, why: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(_: object) -> dict[str, Any]:
        raise ValueError

    path = start(cast)
    if why == "internal":
        section = exports._Section("account", exports._SECTIONS[0].rows, "id", broken)
        monkeypatch.setattr(exports, "_SECTIONS", (section,))
    else:
        monkeypatch.setattr(exports, "_BYTES_MAX", 1)
    write_all()
    state = Rest(cast.alice).get(path).body
    assert (state["state"], state["reason"], state["expires_at"] is None) == ("failed", why, False)
    assert Rest(cast.alice).get(f"{path}data/").status == 409
    start(cast)


def test_a_deleted_accounts_export_is_not_written(cast: Cast) -> None:
    path = start(cast)
    delete_account(by=cast.admin)
    assert (write_exports(), Rest(cast.alice).get(path).status) == (0, 404)


def test_ten_a_day_for_an_account(cast: Cast) -> None:
    for _ in range(10):
        start(cast)
        write_all()
    answer = Rest(cast.alice).post(f"accounts/{cast.account.pk}/export/")
    assert (answer.status, Export.objects.count()) == (429, 10)
    assert 80_000 < int(answer.headers["retry-after"]) <= 86_400
