"""When a receiver asks to be left alone for a while: seconds or a date, or anything else that it may write."""

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from tests.unit.test_sender import answering, send, serving


def in_an_hour() -> str:
    return format_datetime(datetime.now(UTC) + timedelta(hours=1), usegmt=True)


@pytest.mark.parametrize(
    ("value", "low", "high"),
    [
        ("0", 0, 0),
        ("120", 120, 120),
        ("0000120", 120, 120),
        ("86401", 86_400, 86_400),
        ("9" * 30, 86_400, 86_400),
        ("Fri, 31 Dec 2099 23:59:59 GMT", 86_400, 86_400),
        ("Sun, 06 Nov 1994 08:49:37 GMT", 0, 0),
        (in_an_hour(), 1, 3600),
    ],
    ids=["zero", "seconds", "zeros before", "over a day", "endless digits", "far ahead", "long ago", "in an hour"],
)
async def test_retry_after_is_read_as_seconds_or_as_a_date(value: str, low: int, high: int) -> None:
    async with serving(answering(b"HTTP/1.1 503 No\r\nRetry-After: %s\r\nContent-Length: 0\r\n\r\n" % value.encode())) as url:
        outcome = await send(url)
    assert outcome.retry_after_s is not None
    assert low <= outcome.retry_after_s <= high


@pytest.mark.parametrize(
    "value",
    [
        b"", b"-5", b"1.5", b"soon", b"1e3", b"\xb2", b"\xff\xfe", b"Sun, 06 Nov 1994", b"120, 240",
        b"99999999999999999999 Jan 99999999999999999999 1:1:1", b"Mon, 99 Foo 2099 99:99:99 GMT",
        b"Fri, 31 Dec 99999 23:59:59 GMT", b"Sun Nov  6 08:49:37 1994 x",
    ],
)  # fmt: skip
async def test_a_malformed_retry_after_counts_as_none(value: bytes) -> None:
    async with serving(answering(b"HTTP/1.1 503 No\r\nRetry-After: " + value + b"\r\nContent-Length: 0\r\n\r\n")) as url:
        outcome = await send(url)
    assert (outcome.response_status, outcome.retry_after_s) == (503, None)
