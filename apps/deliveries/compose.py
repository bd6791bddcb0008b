"""What a destination gets: the received bytes, or a GET's query; its own headers, then ours. Pure."""

from datetime import datetime
from urllib.parse import parse_qsl, quote, urlsplit

from apps.common.jsontext import compact, parse
from apps.common.version import __version__
from apps.deliveries.request import Claim, OutboundRequest, Target
from apps.deliveries.signing import sign, webhook_id

# A GET with a longer URL is not sent: common servers refuse it (nginx takes 8 KiB for a request line).
GET_URL_MAX = 8192


def compose(claim: Claim, now: datetime) -> OutboundRequest | None:
    """The request of this try, signed for `now` (the database's clock); None when a GET's URL would be longer than 8 KiB."""
    return compose_for(claim.target, claim.body, now, webhook_id(claim.event, claim.target.id), claim.traceparent)


def compose_for(target: Target, body: bytes, now: datetime, message_id: str, traceparent: str = "") -> OutboundRequest | None:
    """The request that brings this body to this target, with this `webhook-id`."""
    url, content = target.url, body
    if target.http_method == "GET":
        if _surely_too_long(target.url, body):
            return None
        url = _with_query(target.url, body)
        if len(url) > GET_URL_MAX:
            return None
        content = urlsplit(url).query.encode()
    headers = _headers(target, sign(target.signing_secrets, message_id, now, content), traceparent)
    return OutboundRequest(target.http_method, url, headers, None if target.http_method == "GET" else body, target.timeout_s)


def _surely_too_long(url: str, body: bytes) -> bool:
    """Known without parsing, which takes seconds for 1 MiB of `1,`: in the query at least one character stands for six of
    the body (an escape such as \\u0041), but for white space and for keys that the URL has."""
    return "?" not in url and len(body.translate(None, b" \t\r\n")) > 8 * GET_URL_MAX


def _headers(target: Target, signature: tuple[tuple[str, str], ...], traceparent: str) -> tuple[tuple[str, str], ...]:
    own, ours = dict(target.headers), list(signature)
    if target.http_method == "GET":
        own = {name: value for name, value in own.items() if name.lower() != "content-type"}
    given = {name.lower() for name in own}
    if "user-agent" not in given:
        ours.append(("User-Agent", f"DataPusher/{__version__}"))
    if target.http_method != "GET" and "content-type" not in given:
        ours.append(("Content-Type", "application/json"))
    if traceparent:
        ours.append(("traceparent", traceparent))
    return (*own.items(), *ours)


def _with_query(url: str, body: bytes) -> str:
    """One parameter for each top-level key that the URL does not have (an array: one parameter `data`)."""
    value = parse(body)
    pairs = value.items() if isinstance(value, dict) else [("data", value)]
    there = {name for name, _ in parse_qsl(urlsplit(url).query, keep_blank_values=True)}
    added = "&".join(f"{quote(key, safe='')}={quote(_text(item), safe='')}" for key, item in pairs if key not in there)
    if not added:
        return url
    if "?" not in url:
        return f"{url}?{added}"
    return url + added if url[-1] in "?&" else f"{url}&{added}"


def _text(value: object) -> str:
    """A string as it is; everything else, a number too, as compact JSON with its numbers as written."""
    return value if type(value) is str else compact(value)
