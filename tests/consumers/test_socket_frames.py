"""What the frames of the live monitor carry."""

import json
import re

import pytest

from apps.destinations.models import Destination
from apps.logs.selectors import epoch
from consumers import protocol
from tests.cast import Cast
from tests.consumers.sockets import Browser
from tests.consumers.writing import write_logs
from tests.posting import in_db

LIMITS = {"heartbeat_s": 15, "behind_max": 5000, "frame_max_bytes": 4096, "sockets_max": 20}
LOG_FIELDS = {
    "id", "cursor", "event", "event_id", "delivery_id", "account_id", "destination_id", "received_timestamp",
    "processed_timestamp", "received_data", "status", "attempt", "max_attempts", "next_attempt_at", "late", "response_status",
    "latency_ms", "timings", "error", "response_headers", "response_body",
}  # fmt: skip


async def test_the_hello_says_where_the_account_is_and_what_the_viewer_may(
    cast: Cast, browser: Browser, destination: Destination
) -> None:
    await in_db(write_logs, destination, 3)
    hello = await (await browser.open()).frame()
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", hello.pop("server_time"))
    expected = {"type": "hello", "cursor": 3, "newest": 3, "oldest": 1, "role": "Admin", "limits": LIMITS}
    assert hello == expected | {"epoch": await in_db(epoch)}


async def test_the_hello_of_an_account_without_logs_begins_at_nothing(cast: Cast, browser: Browser) -> None:
    hello = await (await browser.open(cast.bob)).frame()
    assert (hello["cursor"], hello["oldest"], hello["role"], "reset" in hello) == (0, 1, "Normal user", False)


async def test_an_entry_is_the_log_object_of_rest(cast: Cast, browser: Browser, destination: Destination) -> None:
    (written,) = await in_db(write_logs, destination, status="failed")
    (entry,) = await (await browser.watch(query="after=0")).entries(up_to=1)
    assert entry == json.loads(written.json)
    assert entry.keys() == LOG_FIELDS
    assert (entry["account_id"], entry["destination_id"]) == (str(cast.account.pk), str(destination.pk))
    assert (entry["status"], entry["response_status"], entry["late"]) == ("failed", 500, False)
    assert (entry["response_headers"], entry["response_body"]) == ({"server": "fake"}, "ok")
    assert entry["timings"] == {"dns_ms": None, "connect_ms": 2, "tls_ms": None, "first_byte_ms": 4}


@pytest.mark.parametrize("number", ["1.10", "1E400", "-0.0", "9" * 3000, f"0.{'1' * 3000}"])
async def test_the_digits_of_a_number_are_kept(browser: Browser, destination: Destination, number: str) -> None:
    await in_db(write_logs, destination, body=f'{{"total": {number}}}'.encode())
    assert f'"received_data":{{"total": {number}}}' in await (await browser.watch(query="after=0")).text()


async def test_data_of_4_kib_is_whole(browser: Browser, destination: Destination) -> None:
    data = ["x" * (4096 - 4)]
    await in_db(write_logs, destination, body=json.dumps(data).encode())
    (entry,) = await (await browser.watch(query="after=0")).entries(up_to=1)
    assert entry["received_data"] == data
    assert "received_data_head" not in entry


async def test_larger_data_is_null_beside_its_head_in_whole_characters(browser: Browser, destination: Destination) -> None:
    body = '["' + "x" * 4093 + "é" + '"]'
    await in_db(write_logs, destination, body=body.encode())  # the é's two bytes are the 4096th and the next one
    (entry,) = await (await browser.watch(query="after=0")).entries(up_to=1)
    assert entry["received_data"] is None
    assert entry["received_data_head"] == '["' + "x" * 4093


async def test_a_number_of_5000_digits_is_shown_by_its_head(browser: Browser, destination: Destination) -> None:
    body = b'{"n": ' + b"7" * 5000 + b"}"
    await in_db(write_logs, destination, body=body)
    (entry,) = await (await browser.watch(query="after=0")).entries(up_to=1)
    assert entry["received_data_head"].encode() == body[:4096]


async def test_many_entries_come_in_frames_of_256_kib_without_a_seam(browser: Browser, destination: Destination) -> None:
    await in_db(write_logs, destination, 501, body=b'["' + b"x" * 3000 + b'"]')
    socket = await browser.watch(query="after=0")
    frames = [await socket.frame()]
    while frames[-1]["cursor"] < 501:
        frames.append(await socket.frame())
    assert [frame["after"] for frame in frames] == [0, *(frame["cursor"] for frame in frames[:-1])]
    assert [entry["cursor"] for frame in frames for entry in frame["entries"]] == list(range(1, 502))
    assert all(len(json.dumps(frame)) < 300_000 for frame in frames)


async def test_heartbeats_carry_the_cursor(browser: Browser, destination: Destination, monkeypatch: pytest.MonkeyPatch) -> None:
    await in_db(write_logs, destination, 2)
    monkeypatch.setattr(protocol, "HEARTBEAT_S", 0)
    socket = await browser.watch()
    assert await socket.frame() == {"type": "heartbeat", "cursor": 2}
    await in_db(write_logs, destination)
    await socket.entries(up_to=3)
    assert await socket.frame() == {"type": "heartbeat", "cursor": 3}
