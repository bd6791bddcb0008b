"""Checks of where data goes: the URL, the headers, the retry schedule."""

import re
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.exceptions import ValidationError

from apps.common.addresses import OTHER_PROTOCOLS, Policy, literal

URL_MAX = 2048
HEADERS_MAX = 50
HEADER_VALUE_MAX = 4096  # bytes; receivers commonly take 8 KiB for all headers
HEADERS_TOTAL_MAX = 8192
# Requests a second: 36 an hour, and more than one worker sends.
RATE_MIN, RATE_MAX = 0.01, 1000.0
# Tries in the air at once: two workers' seats and more.
CONCURRENCY_MAX = 1000

_TOKEN = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]{1,128}")  # RFC 9110, 5.6.2
_VALUE = re.compile(r"[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?|")
_URL = re.compile(r"[\x21-\x7e]+")
_NETLOC = re.compile(r"(?:\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(?::[0-9]{1,5})?")  # no zone, no %, nothing beside brackets
_LABEL = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?")
# Framing and hop-by-hop (RFC 9110, 7.6.1; RFC 9112), what we set ourselves, and what changes how a client behaves.
_FORBIDDEN = frozenset(
    [
        "connection",
        "content-length",
        "expect",
        "host",
        "http2-settings",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authorization",
        "proxy-connection",
        "te",
        "trailer",
        "traceparent",
        "transfer-encoding",
        "upgrade",
    ]
)


def validate_url(value: str) -> None:
    """http or https, a host, no user name, password or fragment, no port of another protocol; an IP address only when it may
    be dialled."""
    try:
        parts = urlsplit(value)
        port = parts.port
    except ValueError:
        raise ValidationError("The port or the address in brackets is malformed.", code="url") from None
    if len(value) > URL_MAX:
        raise ValidationError(f"A URL has at most {URL_MAX} characters.", code="url")
    if not _URL.fullmatch(value):
        raise ValidationError("Only visible ASCII is allowed; write other characters percent-encoded or as xn--…", code="url")
    if parts.scheme not in {"http", "https"} or not parts.hostname or port == 0:
        raise ValidationError("Enter an address such as https://example.com/hook.", code="url")
    if "@" in parts.netloc or "#" in value or "\\" in value:
        raise ValidationError(
            "A user name, password, backslash or fragment is not allowed; use a header for secrets.", code="url"
        )
    if not _NETLOC.fullmatch(parts.netloc):
        raise ValidationError("The host name or the port is malformed.", code="url")
    _validate_host(parts.hostname, port or (443 if parts.scheme == "https" else 80))


def _validate_host(host: str, port: int) -> None:
    if port in OTHER_PROTOCOLS:
        raise ValidationError(f"Port {port} is one of another protocol, such as mail; browsers refuse it as well.", code="port")
    if address := literal(host):
        if not Policy(allowed=settings.DESTINATION_ALLOWED_NETWORKS).permits(address, port):
            raise ValidationError(
                "This address is not public, and DESTINATION_ALLOWED_NETWORKS does not allow it.", code="address"
            )
        return
    labels = host.removesuffix(".").split(".")
    if len(host) > 253 or not all(_LABEL.fullmatch(label) for label in labels):
        raise ValidationError("The host name is malformed.", code="url")
    # What ends in a number is read as an IPv4 address by resolvers (2130706433, 0x7f.1, 127.1).
    if re.fullmatch(r"[0-9]+|0[xX][0-9A-Fa-f]*", labels[-1]):
        raise ValidationError("Write an IP address with four decimal numbers.", code="url")


def validate_headers(value: Any) -> None:
    """At least one header; names are RFC 9110 tokens, values visible ASCII and space; none of those that we set."""
    if not isinstance(value, dict) or not value:
        raise ValidationError("Give at least one header, as a name and a value.", code="headers")
    if len(value) > HEADERS_MAX:
        raise ValidationError(f"At most {HEADERS_MAX} headers are allowed.", code="headers")
    for name, text in value.items():
        _validate_header(name, text)
    if len({name.lower() for name in value}) < len(value):
        raise ValidationError("A header name is given twice (upper and lower case are the same).", code="headers")
    if sum(len(name) + len(text) + 4 for name, text in value.items()) > HEADERS_TOTAL_MAX:
        raise ValidationError(f"All headers together have at most {HEADERS_TOTAL_MAX} bytes.", code="headers")


def _validate_header(name: Any, text: Any) -> None:
    """Raises ValidationError that names the header; never its value, which may be a secret."""
    if not isinstance(name, str) or not _TOKEN.fullmatch(name):
        raise ValidationError("A header name has letters, digits and !#$%&'*+-.^_`|~ only, at most 128.", code="headers")
    if name.lower() in _FORBIDDEN or name.lower().startswith("webhook-"):
        raise ValidationError(f"{name}: this header is set by Data Pusher or by the connection.", code="headers")
    if not isinstance(text, str) or not _VALUE.fullmatch(text) or len(text) > HEADER_VALUE_MAX:
        raise ValidationError(
            f"{name}: the value has visible ASCII and inner spaces only, at most {HEADER_VALUE_MAX} characters.",
            code="headers",
        )


def validate_retry_schedule(value: Any) -> None:
    """1 to 30 whole seconds, each from 1 to 604800 (7 days)."""
    fits = isinstance(value, list) and 1 <= len(value) <= 30
    if not fits or not all(type(delay) is int and 1 <= delay <= 604_800 for delay in value):
        raise ValidationError("1 to 30 whole seconds, each from 1 to 604800.", code="retry_schedule")
