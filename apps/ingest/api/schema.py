"""The senders' path and the outgoing webhook in the OpenAPI document. Their rules stand in the contract's own words."""

from typing import Any

from apps.common.api.answers import JSON, headers

_TAG = "data"
_PATH = "/server/incoming_data"
TOKEN = "appSecretToken"  # noqa: S105  (the scheme's name)

# Status -> when, the message, more headers of the answer. The body has exactly `success` and `message`.
_ANSWERS: dict[int, tuple[str, str, tuple[str, ...]]] = {
    202: ("Stored, with one delivery for each destination of the account.", "Data Received", ()),
    200: ("The same event id with the same bytes again: nothing is sent twice.", "Data Received", ()),
    400: ("Not JSON (an object or array in UTF-8, no Content-Encoding), or no well-formed event id.", "Invalid Data", ()),
    401: ("No token, or one that is not valid.", "Unauthenticated", ()),
    405: ("Not a POST.", "Invalid Data", ("Allow",)),
    409: ("The same event id with other bytes.", "Conflict", ()),
    413: ("Over INGEST_MAX_BYTES (1 MiB unless set).", "Invalid Data", ()),
    429: ("Over the account's rate (INGEST_RATE).", "Too Many Requests", ("Retry-After", "RateLimit", "RateLimit-Policy")),
    503: ("Not known to be stored: send again with the same event id.", "Unavailable", ("Retry-After",)),
}

_HEADERS = {
    "Allow": {"required": True, "schema": {"const": "POST"}},
    "RateLimit": {"required": True, "schema": {"type": "string"}, "example": '"default";r=0;t=1'},
    "RateLimit-Policy": {"required": True, "schema": {"type": "string"}, "example": '"default";q=5;w=1'},
}
_EXAMPLE = {"kind": "order.paid", "total": 149.9}
_BODY = {
    "description": "Kept and sent byte for byte. No duplicate keys, NaN, lone surrogates; at most 64 nested containers.",
    "oneOf": [{"type": "object"}, {"type": "array"}],
}


def _answer(status: int) -> dict[str, Any]:
    when, message, more = _ANSWERS[status]
    example = {"success": status < 400, "message": message}
    return {
        "description": f'"{message}". {when}',
        "headers": headers(*more),
        "content": {JSON: {"schema": {"$ref": "#/components/schemas/Received"}, "example": example}},
    }


def _header(name: str, about: str, *, required: bool = False, **schema: Any) -> dict[str, Any]:
    return {
        "name": name, "in": "header", "required": required, "description": about, "schema": {"type": "string"} | schema,
    }  # fmt: skip


_POST = {
    "operationId": "post_data",
    "summary": "Send data",
    "description": "A 2xx means: stored durably. A 5xx or a cut connection means: not known, send again with the same event id."
    " With and without a trailing slash.",
    "tags": [_TAG],
    "security": [{TOKEN: []}],
    "parameters": [
        _header(
            "CL-X-EVENT-ID",
            "Your own id of the event: 1-255 visible ASCII characters, unique in the account.",
            required=True,
            pattern="^[\\x21-\\x7e]{1,255}$",
            example="order-1001",
        ),
        _header("traceparent", "W3C Trace Context, passed on to the destinations."),
    ],
    "requestBody": {"required": True, "content": {JSON: {"schema": _BODY, "example": _EXAMPLE}}},
    "responses": {str(status): _answer(status) for status in sorted(_ANSWERS)},
}

_WEBHOOK = {
    "operationId": "webhook",
    "summary": "What a destination gets",
    "description": "The received bytes, unchanged, by the destination's method, with its own headers. By GET: one query"
    " parameter for each top-level key, no body; the query string is what is signed. `webhook-id` is the same on every try"
    " and every replay. Signed by Standard Webhooks 1.0: base64 of HMAC-SHA256 over"
    " `{webhook-id}.{webhook-timestamp}.{body}`, keyed with what follows `whsec_` in the signing secret, base64-decoded."
    " At least once: keep the ids that you have handled.",
    "tags": [_TAG],
    "parameters": [
        _header("webhook-id", "Made of event and destination.", required=True),
        _header("webhook-timestamp", "Seconds since 1970, of this try.", required=True, pattern="^[0-9]+$"),
        _header("webhook-signature", "`v1,<base64>`; two, with a space between, while a secret's grace lasts.", required=True),
        _header("traceparent", "The sender's, where it gave one."),
    ],
    "requestBody": {"required": True, "content": {JSON: {"schema": _BODY, "example": _EXAMPLE}}},
    "responses": {
        "2XX": {"description": "Delivered. The first 1 KiB of the body stands in the log."},
        "410": {"description": "Gone: the destination is disabled."},
        "default": {
            "description": "Anything else, a redirect too, is a failed try and is sent again on the destination's schedule."
            " `Retry-After` is honoured on 429 and 503."
        },
    },
}


def describe(result: dict[str, Any], **_: Any) -> dict[str, Any]:
    """drf-spectacular's POSTPROCESSING_HOOK."""
    result["paths"] = {_PATH: {"post": _POST}, **result["paths"]}
    result["webhooks"] = {"delivery": {"post": _WEBHOOK}}
    components = result["components"]
    components["headers"] |= _HEADERS
    components["securitySchemes"][TOKEN] = {
        "type": "apiKey",
        "in": "header",
        "name": "CL-X-TOKEN",
        "description": "The account's app secret token.",
    }
    components["schemas"]["Received"] = {
        "type": "object",
        "properties": {
            "success": {"type": "boolean"},
            "message": {"enum": sorted({message for _, message, _ in _ANSWERS.values()})},
        },
        "required": ["success", "message"],
        "additionalProperties": False,
    }
    return result
