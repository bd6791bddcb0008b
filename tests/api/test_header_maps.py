"""Check 19: any header map is refused with 400 as it is saved, or exactly the expected headers go on the wire."""

import asyncio
import json
from datetime import UTC, datetime
from typing import Any

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from apps.common.version import __version__
from apps.deliveries.claims import target_of
from apps.deliveries.compose import compose_for
from apps.deliveries.outbound import Outbound
from apps.deliveries.request import Outcome
from apps.destinations.models import Destination
from tests.cast import Cast
from tests.fakes.receiver import Received, Receiver
from tests.rest import Rest

TRACE = "00-11111111111111111111111111111111-2222222222222222-01"
OURS = ["webhook-id", "webhook-timestamp", "webhook-signature"]

anything = st.text(max_size=12)
KNOWN = [
    "Host", "Content-Length", "transfer-encoding", "Connection", "Upgrade", "Expect", "TE", "Trailer", "webhook-id",
    "traceparent",
    "Content-Type", "content-type", "User-Agent", "USER-AGENT", "Accept", "Accept-Encoding", "Cookie", "Authorization", "Date",
]  # fmt: skip
names = st.text("!#$%&'*+-.^_`|~09AZaz", min_size=1, max_size=12) | st.sampled_from(KNOWN)
values = st.text([chr(code) for code in range(32, 127)], max_size=40) | anything
maps = (
    st.dictionaries(names | anything, values | st.integers() | st.none() | st.lists(anything), max_size=6)
    | anything
    | st.none()
)


def expected(destination: Destination, request: Received) -> dict[str, str]:
    """Name in lower case -> value, of all that may be on the wire."""
    own = {name.lower(): value for name, value in destination.headers.items()}
    body = (
        {} if request.method == "GET" else {"content-length": "2", "content-type": own.get("content-type", "application/json")}
    )
    if request.method == "GET":
        own.pop("content-type", None)
    usual = {"host": request.header("host"), "user-agent": f"DataPusher/{__version__}", "traceparent": TRACE}
    return usual | body | own | {name: request.header(name) for name in OURS}


async def deliver(destination: Destination) -> Outcome:
    now = datetime.now(UTC)
    composed = compose_for(target_of(destination, now), b"{}", now, "msg_1", TRACE)
    assert composed is not None
    async with Outbound() as outbound:
        return await outbound.send(composed)


@given(headers=maps, method=st.sampled_from(["GET", "POST", "PUT", "PATCH"]))
@example(headers={"X-A": "a\r\nX-B: b"}, method="POST")
@example(headers={"X-A": "b", "x-a": "c"}, method="POST")
@example(headers={"Content-Type": "text/plain", "User-Agent": "", "under_score": "a  b"}, method="GET")
@example(headers={"Content-Type": "text/plain", "User-Agent": "", "under_score": "a  b"}, method="PUT")
@settings(max_examples=150, derandomize=True, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_header_map_is_400_or_exactly_the_expected_headers_go_on_the_wire(
    cast: Cast, receiver: Receiver, headers: Any, method: str
) -> None:
    wanted = {"account_id": str(cast.account.pk), "url": receiver.url, "http_method": method, "headers": headers}
    answer = Rest(cast.alice).post("destinations/", json.dumps(wanted).encode())
    if answer.status == 400:
        assert list(answer.body["details"]) == ["headers"]
        return
    assert (answer.status, answer.body["data"]["headers"]) == (201, headers)
    destination = Destination.objects.get(pk=answer.body["data"]["id"])
    assert asyncio.run(deliver(destination)).success
    sent = [name.lower() for name, _ in receiver.got[-1].headers]
    assert sorted(sent) == sorted(set(sent))
    assert {name.lower(): value for name, value in receiver.got[-1].headers} == expected(destination, receiver.got[-1])
    destination.delete()
