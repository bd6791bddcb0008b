"""The parts of the OpenAPI document that operations share: errors, envelopes, headers, who is asked to sign in how."""

from collections.abc import Mapping, Sequence
from typing import Any

from apps.common.api.envelope import MESSAGES

JSON = "application/json"
_ID = "0198c1f4-9a3e-7c21-8f53-6d2b7a0c9e11"

# Status -> the component's name, when it is answered, and its codes (apps/common/api/envelope.py gives them).
_ERRORS: Mapping[int, tuple[str, str, Sequence[str]]] = {
    400: (
        "InvalidData",
        "`details` names what is wrong; `malformed`: not a JSON object.",
        ("invalid", "malformed"),
    ),
    401: ("Unauthenticated", "No valid token and no session.", ("unauthenticated",)),
    403: ("PermissionDenied", "The role has no right to it, or a session wrote without its CSRF token.", ("forbidden",)),
    404: ("NotFound", "It does not exist, or not for this person.", ("not_found",)),
    406: ("NotAcceptable", "Only JSON is answered.", ("not_acceptable",)),
    409: ("Conflict", "It stands against what is there; `limit_reached` names the limit.", ("conflict", "limit_reached")),
    412: ("PreconditionFailed", "Changed since the version that `If-Match` names.", ("stale",)),
    413: ("TooLarge", "The body has too many bytes.", ("too_large",)),
    415: ("UnsupportedType", "The body's Content-Type is not application/json.", ("unsupported_media_type",)),
    429: ("TooManyRequests", "Come again after the seconds of `Retry-After`.", ("throttled",)),
    500: ("ServerError", "Our fault; `request_id` finds it.", ("server_error",)),
    503: ("Unavailable", "Try again after the seconds of `Retry-After`.", ("unavailable",)),
}

_HEADERS: Mapping[str, Mapping[str, Any]] = {
    "X-Request-ID": {
        "description": "The request's own `X-Request-ID` when it is 1-128 characters of `A-Za-z0-9._-`, else a new one.",
        "required": True,
        "schema": {"type": "string", "pattern": "^[A-Za-z0-9._-]{1,128}$"},
    },
    "ETag": {
        "description": "The version; as `If-None-Match` it spares the body, as `If-Match` it overwrites nobody's change.",
        "required": True,
        "schema": {"type": "string", "pattern": '^"[0-9]+"$'},
    },
    "Retry-After": {"description": "Seconds to wait.", "required": True, "schema": {"type": "integer", "minimum": 1}},
    "WWW-Authenticate": {"required": True, "schema": {"const": "Bearer"}},
}
_OF_STATUS = {401: ("WWW-Authenticate",), 429: ("Retry-After",), 503: ("Retry-After",)}

BEARER, SESSION, CSRF = "bearer", "session", "csrf"
_SECURITY = {
    BEARER: {
        "type": "http",
        "scheme": "bearer",
        "bearerFormat": "JWT",
        "description": "`access` of `auth/login/` or `auth/refresh/`. Where one is sent it alone counts.",
    },
    SESSION: {"type": "apiKey", "in": "cookie", "name": "sessionid", "description": "The browser's sign-in."},
    CSRF: {"type": "apiKey", "in": "header", "name": "X-CSRFToken", "description": "With the session, for every write."},
}

_ERROR = {
    "type": "object",
    "description": "The envelope of every error.",
    "properties": {
        "success": {"const": False},
        "message": {"type": "string", "enum": sorted(set(MESSAGES.values())), "description": "One for each status."},
        "code": {"type": "string", "description": "Why, for programs."},
        "details": {
            "type": "object",
            "additionalProperties": {},
            "description": "Field or parameter -> what is wrong.",
        },
        "request_id": {"type": "string", "description": "The answer's X-Request-ID."},
    },
    "required": ["success", "message", "code", "details", "request_id"],
}


def headers(*names: str) -> dict[str, Any]:
    """What an answer of ours carries, X-Request-ID always."""
    return {name: {"$ref": f"#/components/headers/{name}"} for name in ("X-Request-ID", *names)}


def error(status: int, more_codes: Sequence[str] = ()) -> dict[str, Any]:
    """The error of this status: the shared one, or one of the operation's own with codes that only it has."""
    if not more_codes:
        return {"$ref": f"#/components/responses/{_ERRORS[status][0]}"}
    return _error(status, (*_ERRORS[status][2], *more_codes))


def _error(status: int, codes: Sequence[str]) -> dict[str, Any]:
    message, when = MESSAGES[status], _ERRORS[status][1]
    details = {"account_name": ["This field is required."]} if status == 400 else {}
    example = {"success": False, "message": message, "code": codes[0], "details": details, "request_id": _ID}
    kind = {"message": {"const": message}, "code": {"enum": list(codes)}}
    return {
        "description": f'"{message}". {when} `code`: {", ".join(f"`{code}`" for code in codes)}.',
        "headers": headers(*_OF_STATUS.get(status, ())),
        "content": {
            JSON: {
                "schema": {"allOf": [{"$ref": "#/components/schemas/Error"}, {"type": "object", "properties": kind}]},
                "example": example,
            }
        },
    }


def page(item: dict[str, Any]) -> dict[str, Any]:
    link = {"type": ["string", "null"], "format": "uri"}
    shape = {"next": link, "previous": link, "results": {"type": "array", "items": item}}
    return {"type": "object", "properties": shape, "required": [*shape]}


def written(data: dict[str, Any]) -> dict[str, Any]:
    shape = {"success": {"const": True}, "message": {"const": "Data Received"}, "data": data}
    return {"type": "object", "properties": shape, "required": [*shape]}


def complete(result: dict[str, Any], **_: Any) -> dict[str, Any]:
    """drf-spectacular's POSTPROCESSING_HOOK: adds the shared components."""
    components = result["components"]
    components["headers"] = dict(_HEADERS)
    components["securitySchemes"] = dict(_SECURITY)
    components["responses"] = {name: _error(status, codes) for status, (name, _, codes) in _ERRORS.items()}
    components["schemas"] = dict(sorted({**components["schemas"], "Error": _ERROR}.items()))
    return result
