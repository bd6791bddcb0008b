"""The shapes of answers (contract, §3): one for a write, one for every error."""

import logging
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson
from django.core.exceptions import PermissionDenied, RequestDataTooBig
from django.core.exceptions import ValidationError as FieldsWrong
from django.http import Http404, HttpResponse
from rest_framework import exceptions
from rest_framework.response import Response

from apps.common import context
from apps.common.errors import Conflict, LimitReached, Missing, NotAllowed, SignInRefused, Stale, TooMany
from apps.common.lanes import TRANSIENT

logger = logging.getLogger(__name__)

MESSAGES = {
    400: "Invalid Data",
    401: "Unauthenticated",
    403: "Permission Denied",
    404: "Not Found",
    405: "Method Not Allowed",
    406: "Not Acceptable",
    409: "Conflict",
    412: "Precondition Failed",
    413: "Invalid Data",
    415: "Invalid Data",
    429: "Too Many Requests",
    500: "Server Error",
    503: "Unavailable",
}


@dataclass(frozen=True, slots=True)
class Failure:
    status: int
    code: str
    details: Any = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)

    def body(self) -> dict[str, Any]:
        return {
            "success": False,
            "message": MESSAGES[self.status],
            "code": self.code,
            "details": self.details,
            "request_id": context.request_id.get(),
        }

    def plain(self) -> HttpResponse:
        """For what Django answers outside of the API's views."""
        body = orjson.dumps(self.body())
        return HttpResponse(body, status=self.status, content_type="application/json", headers=dict(self.headers))


def received(data: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """The answer to a valid write."""
    return Response({"success": True, "message": "Data Received", "data": data}, status=status, headers=headers)


def answer_error(error: Exception, _: dict[str, Any]) -> Response:
    """DRF's EXCEPTION_HANDLER: every error in the one envelope, an unexpected one too."""
    failure = _failure(error)
    return Response(failure.body(), status=failure.status, headers=failure.headers)


# The first that fits: status, code, what stands in `details` under which name (empty: nothing), headers.
_BEARER = {"WWW-Authenticate": "Bearer"}
_TABLE: tuple[tuple[tuple[type[Exception], ...], int, str, str, Mapping[str, str]], ...] = (
    ((exceptions.NotAuthenticated, exceptions.AuthenticationFailed), 401, "unauthenticated", "", _BEARER),
    ((PermissionDenied, exceptions.PermissionDenied, NotAllowed), 403, "forbidden", "reason", {}),
    ((Http404, exceptions.NotFound, Missing), 404, "not_found", "", {}),
    ((LimitReached,), 409, "limit_reached", "limit", {}),
    ((Conflict,), 409, "conflict", "reason", {}),
    ((Stale,), 412, "stale", "", {}),
    ((RequestDataTooBig,), 413, "too_large", "", {}),
    ((exceptions.ParseError,), 400, "malformed", "body", {}),
    (TRANSIENT, 503, "unavailable", "", {"Retry-After": "1"}),
)


def _failure(error: Exception) -> Failure:
    if isinstance(error, exceptions.ValidationError):
        return Failure(400, "invalid", _by_field(error.detail))
    if isinstance(error, FieldsWrong):
        return Failure(400, "invalid", error.message_dict if hasattr(error, "error_dict") else {"__all__": error.messages})
    if isinstance(error, SignInRefused):
        return Failure(401, error.code, headers=_BEARER)
    if isinstance(error, TooMany):
        return Failure(429, "throttled", headers={"Retry-After": str(max(1, math.ceil(error.wait_s)))})
    for kinds, status, code, name, headers in _TABLE:
        if isinstance(error, kinds):
            return Failure(status, code, {name: [str(error)]} if name else {}, headers)
    return _other(error)


def _other(error: Exception) -> Failure:
    if isinstance(error, exceptions.APIException) and error.status_code in MESSAGES:
        return Failure(error.status_code, str(error.default_code))
    logger.error("a request failed", exc_info=error)
    return Failure(500, "server_error")


def _by_field(detail: Any) -> dict[str, Any]:
    """field -> messages; what belongs to no field stands under `__all__`."""
    if isinstance(detail, list):
        return {"__all__": detail}
    return {("__all__" if name == "non_field_errors" else name): messages for name, messages in detail.items()}
