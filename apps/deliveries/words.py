"""What became of tries and deliveries, in words that say what happened and what to do: for the pages and their scripts."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from apps.common.codes import Error

_REASONS = {each.value: each.phrase for each in HTTPStatus}

# code -> in a table, what happened, what to do
_ERRORS: Mapping[str, tuple[str, str, str]] = {
    Error.TIMEOUT: (
        "timeout",
        "No answer in time",
        "Let the receiver answer first and do its work after, or give the destination a longer timeout.",
    ),
    Error.CONNECTION_REFUSED: (
        "refused",
        "Connection refused",
        "Nothing listens at that host and port. Start the receiver, or correct the port in the URL.",
    ),
    Error.CONNECTION_FAILED: (
        "no conn",
        "Could not connect",
        "Check the host and port in the URL, and that the receiver's firewall lets us in.",
    ),
    Error.CONNECTION_CLOSED: (
        "closed",
        "Connection closed before an answer",
        "The receiver or a proxy before it hung up. Look in its log at this time.",
    ),
    Error.DNS_FAILED: ("no host", "Host name not found", "Check the spelling of the host in the URL, and its DNS record."),
    Error.TLS_FAILED: (
        "TLS",
        "No secure connection",
        "The certificate may be expired, self-signed or for another host. Renew or correct it at the receiver.",
    ),
    Error.ADDRESS_FORBIDDEN: (
        "blocked",
        "Address not allowed",
        (
            "The URL leads to an address that is never dialled from here, such as a private network. Use a public one, or ask "
            "the operator to allow the network."
        ),
    ),
    Error.INVALID_RESPONSE: (
        "invalid",
        "The answer is not HTTP",
        "Check the scheme and port in the URL: something other than a web server answers there.",
    ),
    Error.URL_TOO_LONG: (
        "too big",
        "Not sent: the URL would be over 8 KiB",
        "GET carries the data in the URL. Set the destination's method to POST.",
    ),
    Error.INTERNAL: (
        "fault",
        "Failed on our side",
        "Nothing is wrong with the destination. If it happens again, tell the operator the event id and the time.",
    ),
}

_BY_STATUS = {
    401: "It wants credentials. Correct the destination's headers.",
    403: "It refuses us. Correct the destination's headers, or let us in at the receiver.",
    404: "Nothing is at that path. Correct the destination's URL.",
    405: "It does not take this method. Change the destination's HTTP method.",
    408: "It did not get the request in time. If this stays, look at the receiver's load.",
    410: "It says that it is gone for good, so the destination is disabled. Correct its URL and resume it, or delete it.",
    413: "The data is too large for it. Raise the limit at the receiver.",
    415: "It does not take this content type. Set Content-Type in the destination's headers.",
    429: "It asks for fewer requests. Nothing to do if it catches up; else lower the destination's rate.",
}
_REDIRECT = "Redirects are not followed. Put the final address into the destination's URL."
_BROKEN = "The receiver failed. Its answer, or its log at this time, says why."
_REFUSES = "The receiver does not accept this data. Its answer says why."

# How a destination is: look, word. What needs a look first.
HEALTHS = {
    "disabled": ("bad", "disabled"),
    "breaker": ("bad", "left alone"),
    "failing": ("bad", "failing"),
    "paused": ("mute", "paused"),
    "idle": ("mute", "nothing sent yet"),
    "healthy": ("ok", "healthy"),
}

FOR_SCRIPTS: dict[str, Any] = {
    "reasons": _REASONS,
    "errors": _ERRORS,
    "by_status": _BY_STATUS,
    "redirect": _REDIRECT,
    "broken": _BROKEN,
    "refuses": _REFUSES,
    "healths": HEALTHS,
}


def headline(error: str, response_status: int | None) -> str:
    """`503 Service Unavailable`, `No answer in time`."""
    if error in _ERRORS:
        return _ERRORS[error][1]
    if response_status is None:
        return "Not delivered" if error else "Delivered"
    return f"{response_status} {_REASONS.get(response_status, '')}".strip()


def advice(error: str, response_status: int | None) -> str:
    """What to do about a failed try; empty for a success."""
    if error in _ERRORS:
        return _ERRORS[error][2]
    if not error or response_status is None:
        return ""
    if response_status in _BY_STATUS:
        return _BY_STATUS[response_status]
    if 300 <= response_status < 400:
        return _REDIRECT
    return _BROKEN if response_status >= 500 else _REFUSES


# status and reason of a delivery -> its look, its word, why
_STATES: Mapping[tuple[str, str], tuple[str, str, str]] = {
    ("success", ""): ("ok", "success", "It has arrived."),
    ("delivering", ""): ("warn", "in the air", "A try is under way."),
    ("pending", ""): ("warn", "waiting", "We try by ourselves."),
    ("pending", "resume"): (
        "mute",
        "held",
        "Its destination is paused or disabled. It goes out when the destination is resumed.",
    ),
    ("pending", "breaker"): (
        "mute",
        "held",
        "Its destination failed again and again, and is left alone for a while. This uses up no try.",
    ),
    ("pending", "order"): ("warn", "in line", "Its destination takes one at a time, in order: it waits for its turn."),
    ("pending", "limit"): ("warn", "in line", "Its destination's rate or number of tries at once lets others go first."),
    ("failed", "tries_ended"): ("bad", "failed", "All tries are used up. Replay it when the receiver is well again."),
    ("failed", "quarantined"): ("bad", "failed", "Quarantined: it ended the process that sent it, again and again."),
    ("failed", "expired"): ("bad", "failed", "It was held for so long that it expired."),
    ("failed", "url_too_long"): ("bad", "failed", _ERRORS[Error.URL_TOO_LONG][1] + ". " + _ERRORS[Error.URL_TOO_LONG][2]),
    ("cancelled", "deleted"): ("mute", "cancelled", "Its destination was deleted before it arrived."),
    ("cancelled", "replayed"): ("mute", "cancelled", "A replay of it arrived first."),
    ("cancelled", "by_person"): ("mute", "cancelled", "Somebody cancelled it."),
}


# The states of an event's deliveries, in the order in which they need a look.
COUNTED = {
    "failed": ("bad", "failed"),
    "pending": ("warn", "waiting"),
    "delivering": ("warn", "in the air"),
    "cancelled": ("mute", "cancelled"),
    "success": ("ok", "success"),
}


def state(status: str, reason: str, waits_for: str) -> tuple[str, str, str]:
    """A delivery's look (ok, warn, bad, mute), its word, and why."""
    return _STATES.get((status, waits_for or reason), ("mute", status, ""))
