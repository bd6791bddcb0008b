"""A test of a destination: one request to the stored URL, as a delivery would send it, and what came of it."""

import json
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import orjson
from asgiref.sync import async_to_sync
from django.core.exceptions import ValidationError
from django.db import connection

from apps.accounts.models import Member
from apps.accounts.policies import Right, authorise
from apps.common.rate import spend
from apps.deliveries import masking
from apps.deliveries.claims import target_of
from apps.deliveries.compose import compose_for
from apps.deliveries.network import Guard, guard, inbox_key
from apps.deliveries.request import Error, OutboundRequest, Outcome, Phases
from apps.deliveries.selectors import database_now
from apps.deliveries.sender import OurFault, Sender
from apps.destinations.models import Destination

_SAMPLE = b'{"test":true,"message":"A test from Data Pusher"}'
# Bytes: a test shows that a request arrives, it is no way to send data.
_BODY_MAX = 65_536
# As deep as what is accepted from senders.
_DEPTH_MAX = 64
_A_MINUTE = 10


@dataclass(frozen=True, slots=True)
class Tested:
    sent: masking.Sent | None
    """None: a GET's URL would be too long."""
    address: str
    """The one that was dialled last; empty when none was, or when the answer must not tell."""
    response_status: int | None
    latency_ms: int | None
    timings: Phases
    error: str
    response_headers: dict[str, str]
    response_body: str


def _body(data: Any) -> bytes:
    """Compact JSON of an object or array. Raises ValidationError for what could not have been accepted from a sender."""
    if not isinstance(data, dict | list):
        raise _wrong("A JSON object or array.")
    level: list[Any] = [data]
    for _ in range(_DEPTH_MAX):
        inside = [child for each in level for child in (each.values() if isinstance(each, dict) else each)]
        level = [child for child in inside if isinstance(child, dict | list)]
    if level:
        raise _wrong(f"At most {_DEPTH_MAX} nested containers.")
    try:
        body = json.dumps(data, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()
    except ValueError:
        raise _wrong("Numbers that are finite, text without lone surrogates.") from None
    if len(body) > _BODY_MAX:
        raise _wrong(f"At most {_BODY_MAX} bytes.")
    return body


def _wrong(why: str) -> ValidationError:
    return ValidationError({"data": [why]})


class _Witness:
    """Makes the sockets and remembers the address that was dialled."""

    def __init__(self, allowed: Guard) -> None:
        self._allowed, self.dialled = allowed, ""

    def __call__(self, info: Any) -> Any:
        made = self._allowed(info)
        self.dialled = str(info[4][0])
        return made


def send_test(*, destination: Destination, by: Member, data: Any = None) -> Tested:
    """Sends once: `data`, or a sample. No log, no retry, no effect on the destination's state. Never within a transaction.

    Raises:
        NotAllowed: the member's role has no right to it.
        ValidationError: `data` is no small JSON object or array.
        TooMany: 10 a minute for an account.
    """
    authorise(by.role.role_name, Right.MANAGE_DESTINATIONS)
    body = _SAMPLE if data is None else _body(data)
    spend(f"test:{by.account_id}", _A_MINUTE, 60)
    now = database_now()
    request = compose_for(target_of(destination, now), body, now, f"test_{uuid4().hex}")
    connection.close()  # a slow receiver holds none
    witness = _Witness(guard(to_inbox=bool(inbox_key(destination.url))))
    outcome = Outcome(Error.URL_TOO_LONG) if request is None else async_to_sync(_send)(request, witness)
    own = destination.headers
    answer = masking.mask(outcome, own)
    tells = outcome.error not in {Error.DNS_FAILED, Error.ADDRESS_FORBIDDEN}
    return Tested(
        sent=masking.as_sent(request, own) if request else None,
        address=witness.dialled if tells else "",
        response_status=outcome.response_status,
        latency_ms=outcome.latency_ms,
        timings=outcome.phases,
        error=outcome.error.value,
        response_headers=orjson.loads(answer.headers),
        response_body=answer.body.decode("utf-8", "replace"),
    )


async def _send(request: OutboundRequest, witness: _Witness) -> Outcome:
    try:
        async with Sender(witness) as sender:
            return await sender.send(request)
    except OurFault:
        return Outcome(Error.INTERNAL)
