"""Where data may go: the spellings of a URL, header maps, retry schedules."""

import asyncio
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from pytest_django.fixtures import Settings

from apps.deliveries.network import Guard
from apps.deliveries.request import Error, OutboundRequest, Outcome
from apps.deliveries.sender import Sender
from apps.destinations.validators import validate_headers, validate_retry_schedule, validate_url
from tests.fakes.receiver import Receiver
from tests.unit.test_network import LOOPBACK

HOSTILE = [
    # not an http(s) URL with a host
    "", "/", "//example.com/", "example.com", "example.com/hook", "http:", "http:/", "http://", "http:///hook", "https://?x=1",
    "http:example.com", "http:/example.com", "http//example.com", "ftp://example.com/", "file:///etc/passwd",
    "gopher://example.com/", "javascript:alert(1)", "data:text/plain,x", "ws://example.com/", "unix:/var/run/docker.sock",
    "http+unix://%2Fvar%2Frun%2Fdocker.sock/", "httpx://example.com/", "HTTPS:example.com",
    # a user name or password, real or pretended
    "http://user@example.com/", "http://user:password@example.com/", "http://@example.com/", "http://:@example.com/",
    "http://1.1.1.1@169.254.169.254/", "http://example.com:80@127.0.0.1/", "http://1.1.1.1%40@example.com/",
    # backslashes and fragments, which two readers read differently
    "http:\\\\example.com\\", "http://example.com\\@1.1.1.1/", "http://1.1.1.1\\.example.com/", "http://example.com/a\\b",
    "http://example.com/#", "http://example.com/hook#part", "http://example.com#@1.1.1.1/", "http://1.1.1.1#.example.com/",
    # addresses in other notations than four decimals
    "http://2130706433/", "http://0x7f000001/", "http://0x7f.0.0.1/", "http://0x7f.1/", "http://0177.0.0.1/",
    "http://017700000001/", "http://127.1/", "http://127.0.1/", "http://127.0.0.01/", "http://127.0.0.1./",
    "http://0/", "http://0x/", "http://1.1.1.256/", "http://1.1.1.1.1/", "http://example.com.123/", "http://example.0x7f/",
    # brackets, zones and what hides behind a percent sign
    "http://[::1/", "http://::1/", "http://[]/", "http://[1.1.1.1]/", "http://[[2606:4700::1]]/", "http://[v1.a]/",
    "http://[2606:4700::1%eth0]/", "http://[2606:4700::1%25eth0]/", "http://[2606:4700::1]evil.example/",
    "http://evil.example[2606:4700::1]/", "http://[2606:4700::1]80/", "http://[::ffff:1.1.1.1.1]/",
    "http://1.1.1.1%00.evil.example/", "http://1.1.1.1%25eth0/", "http://ex%61mple.com/", "http://1.1.1.1%2f@evil.example/",
    # dots, labels, lengths
    "http://./", "http://../", "http://.example.com/", "http://example.com../", "http://example..com/",
    "http://-example.com/", "http://example-.com/", "http://*.example.com/", "http://exa,mple.com/", "http://example.com;x/",
    "http://exam!ple.com/", "http://" + "a" * 64 + ".com/", "http://" + "a." * 127 + "com/",
    "http://example.com/" + "a" * 2048,
    # unicode, of which some is folded into ASCII
    "http://ex\u00e4mple.com/", "http://example.com/\u00e4", "http://\uff11\uff12\uff17.0.0.1/", "http://\u2488\u2488\u2488\u2488/",
    "http://example\u3002com/", "http://example.com\uff0f@1.1.1.1/", "http://ex\u00admple.com/", "http://example.com:\uff18\uff10/",
    "http://example.com/\ud800", "\ufeffhttp://example.com/", "http://\u202eexample.com/",
    # control characters and spaces
    "http://example.com/\r\nX-Injected: 1", "http://example.com/\n", "\nhttp://example.com/", "http://exa\tmple.com/",
    "http://example.com\x00.evil.example/", "http://example.com/\x7f", " http://example.com/", "http://example.com/ ",
    "http://exa mple.com/", "http://example.com/a b", "ht\ntp://example.com/", "http://example.com\x0b/",
    # ports
    "http://example.com:0/", "http://example.com:65536/", "http://example.com:99999/", "http://example.com:-1/",
    "http://example.com:+80/", "http://example.com:8_0/", "http://example.com:http/", "http://example.com:80:80/",
    "http://example.com:/", "http://example.com:0x50/", "http://example.com:4294967376/", "http://example.com:000080/",
]  # fmt: skip

FORBIDDEN_ADDRESSES = [
    "http://127.0.0.1/", "https://10.0.0.1:8443/", "http://169.254.169.254/latest/meta-data/", "http://[::1]/",
    "http://[::ffff:127.0.0.1]/", "http://[::ffff:7f00:1]/", "http://[64:ff9b::a9fe:a9fe]/", "http://[2002:7f00:1::]/",
    "http://[fe80::1]/", "http://[::]/", "http://0.0.0.0/", "http://[::127.0.0.1]/", "http://100.100.100.200/",
]  # fmt: skip

FINE = [
    "http://example.com", "https://example.com/", "HTTPS://EXAMPLE.com/Hook", "http://example.com:8080/hook?a=1&b=%20",
    "https://example.com?x=1", "https://xn--exmple-cua.com/", "http://under_score.example.com/", "http://example.com./",
    "http://1.1.1.1/", "http://[2606:4700::1111]:8080/", "http://localhost:3000/", "http://a-b.c/@/:!$'()*+,;=|{}^`<>\"[]",
    "http://example.com/../%zz//", "http://1e100.net/", "http://example.com:65535/", "http://example.com/" + "a" * 2029,
]  # fmt: skip


@pytest.fixture(autouse=True)
def only_public_addresses(settings: Settings) -> None:
    settings.DESTINATION_ALLOWED_NETWORKS = ()


@pytest.mark.parametrize("url", HOSTILE)
def test_a_url_that_two_readers_may_read_differently_is_refused(url: str) -> None:
    with pytest.raises(ValidationError) as refused:
        validate_url(url)
    assert refused.value.code == "url"


@pytest.mark.parametrize("url", FORBIDDEN_ADDRESSES)
def test_an_address_that_may_not_be_dialled_is_refused_with_the_setting_that_would_allow_it(url: str) -> None:
    with pytest.raises(ValidationError, match="DESTINATION_ALLOWED_NETWORKS"):
        validate_url(url)


@pytest.mark.parametrize("url", FINE)
def test_an_ordinary_url_is_taken(url: str) -> None:
    validate_url(url)


@pytest.mark.parametrize("port", [1, 22, 25, 110, 143, 465, 587, 995, 6667, 10080])
@pytest.mark.parametrize("host", ["example.com", "1.1.1.1", "127.0.0.1"])
def test_a_port_of_another_protocol_is_refused_also_in_a_listed_network(settings: Settings, host: str, port: int) -> None:
    settings.DESTINATION_ALLOWED_NETWORKS = LOOPBACK.allowed
    with pytest.raises(ValidationError, match=f"Port {port}"):
        validate_url(f"https://{host}:{port}/")


def test_a_listed_network_may_be_written_as_an_address(settings: Settings) -> None:
    settings.DESTINATION_ALLOWED_NETWORKS = LOOPBACK.allowed
    validate_url("http://127.0.0.1:3000/")
    validate_url("http://[::1]:3000/")


async def deliver(receiver: Receiver, headers: dict[str, str], method: str = "POST", url: str = "") -> Outcome:
    request = OutboundRequest(method, url or receiver.url, tuple(headers.items()), b"{}" if method != "GET" else None, 5)
    async with Sender(Guard(LOOPBACK)) as sender:
        return await sender.send(request)


@pytest.mark.parametrize("spelling", ["HTTP://{}", "http://{}", "http://{}/", "http://{}?x=1", "http://{}/a/../b?q=%zz|{{}}'"])
async def test_a_url_goes_out_as_it_was_saved(receiver: Receiver, spelling: str) -> None:
    host = receiver.url.split("/")[2]
    await deliver(receiver, {}, url=spelling.format(host))
    (request,) = receiver.got
    written = spelling.format("").split("//", 1)[1]
    assert request.target == (written if written.startswith("/") else f"/{written}")
    assert request.header("host") == host


any_text = st.text(max_size=12)
token = st.text("!#$%&'*+-.^_`|~09AZaz", min_size=1, max_size=12)
visible = st.text([chr(code) for code in range(32, 127)], max_size=40)
header_maps = st.dictionaries(token | any_text, visible | any_text, max_size=6)


@given(headers=header_maps)
@example(headers={"Cookie": "a=1; b=2", "Authorization": "Basic eA==", "Accept-Encoding": "gzip", "Range": "bytes=0-1"})
@example(headers={"Content-Language": "en", "Content-Type": "text/plain; charset=x", "User-Agent": "", "Accept": "a  b"})
@example(headers={"Ho": "1", "o": "2", "H": "3", "under_score": "4", "X_Y": '"', "Date": "never", "Origin": "null"})
@settings(max_examples=60, derandomize=True, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_header_map_is_refused_or_goes_on_the_wire_exactly(receiver: Receiver, headers: dict[str, str]) -> None:
    try:
        validate_headers(headers)
    except ValidationError:
        return
    outcome = asyncio.run(deliver(receiver, headers))
    assert outcome.error is Error.NONE
    on_the_wire = [pair for pair in receiver.got[-1].headers if pair[0] not in {"Host", "Content-Length"}]
    assert on_the_wire == list(headers.items())


REFUSED_HEADERS: list[Any] = [
    None, [], "X: 1", 1, {}, {"": "x"}, {"X Y": "x"}, {"X:": "x"}, {"X\r\nY": "x"}, {"X\u00e4": "x"}, {1: "x"}, {"X": 1},
    {"X": None}, {"X": ["a"]}, {"X": "a\r\nB: c"}, {"X": "a\nb"}, {"X": "a\x00b"}, {"X": "a\tb"}, {"X": "\u00e4"},
    {"X": "\ud800"}, {"X": "\x7f"}, {"X": " a"}, {"X": "a "}, {"X": " "}, {"X": "a" * 4097}, {"X" * 129: "a"},
    {"X-A": "1", "x-a": "2"},
    {f"X-{number}": "a" for number in range(51)}, {"X": "a" * 4096, "Y": "a" * 4096},
    {"Host": "evil.example"}, {"hOsT": "evil.example"}, {"Content-Length": "0"}, {"Transfer-Encoding": "chunked"},
    {"Connection": "close"}, {"Keep-Alive": "1"}, {"Proxy-Authorization": "x"}, {"Proxy-Connection": "x"}, {"TE": "trailers"},
    {"Trailer": "X"}, {"Upgrade": "h2c"}, {"Expect": "100-continue"}, {"webhook-id": "1"}, {"Webhook-Signature": "v1,x"},
    {"WEBHOOK-anything": "x"}, {"traceparent": "x"}, {"Traceparent": "x"},
]  # fmt: skip


@pytest.mark.parametrize("headers", REFUSED_HEADERS, ids=lambda value: repr(value)[:40].encode("ascii", "replace").decode())
def test_a_header_map_that_would_break_or_forge_a_request_is_refused(headers: Any) -> None:
    with pytest.raises(ValidationError) as refused:
        validate_headers(headers)
    assert refused.value.code == "headers"


def test_a_refusal_names_the_header_and_never_its_value() -> None:
    with pytest.raises(ValidationError) as refused:
        validate_headers({"X-Key": "s3cret\n"})
    (message,) = refused.value.messages
    assert "X-Key" in message
    assert "s3cret" not in message


@pytest.mark.parametrize("schedule", [[1], [604_800], [5] * 30, [5, 300, 1800]])
def test_a_retry_schedule_of_whole_seconds_is_taken(schedule: list[int]) -> None:
    validate_retry_schedule(schedule)


@pytest.mark.parametrize(
    "schedule", [None, [], 5, "5", (5,), {"5": 5}, [0], [-1], [604_801], [5] * 31, [1.5], ["5"], [True], [None], [float("nan")]]
)
def test_any_other_retry_schedule_is_refused(schedule: Any) -> None:
    with pytest.raises(ValidationError, match="whole seconds"):
        validate_retry_schedule(schedule)
