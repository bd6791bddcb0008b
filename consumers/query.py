"""What a browser asks for when it opens the live socket."""

from dataclasses import dataclass
from urllib.parse import parse_qsl
from uuid import UUID

from apps.logs import selectors
from apps.logs.selectors import Entry
from consumers.protocol import SEARCH_MAX, SUMMARY_MAX, Close

_KNOWN = {"after", "epoch", "status", "destination_id", "search", "summary_above"}


class Refused(Exception):
    def __init__(self, code: Close, message: str) -> None:
        self.code, self.message = code, message


@dataclass(frozen=True, slots=True)
class Query:
    after: int | None
    epoch: str
    status: str
    destination_id: str
    search: str
    summary_above: int | None

    @classmethod
    def parse(cls, query: bytes) -> "Query":
        """Raises Refused (4400) naming the parameter that is unknown, given twice or malformed."""
        pairs = parse_qsl(query.decode("latin-1"), keep_blank_values=True)
        given = dict(pairs)
        if unknown := sorted(given.keys() - _KNOWN):
            raise Refused(Close.BAD_REQUEST, f"Unknown parameter: {unknown[0][:40]}")
        if len(given) < len(pairs):
            raise Refused(Close.BAD_REQUEST, "A parameter is given twice.")
        if given.get("status", "success") not in selectors.STATUSES:
            raise Refused(Close.BAD_REQUEST, "status: success or failed.")
        after = _number(given["after"], "after: a cursor is a whole number.") if "after" in given else None
        above = _above(given["summary_above"]) if "summary_above" in given else None
        destination = _uuid(given["destination_id"]) if "destination_id" in given else ""
        return cls(after, given.get("epoch", ""), given.get("status", ""), destination, _words(given.get("search", "")), above)

    def passes(self, entry: Entry) -> bool:
        """By status and destination; what is searched for needs the events."""
        return self.status in {"", entry.status} and self.destination_id in {"", entry.destination_id}


def _number(value: str, message: str) -> int:
    if not (value.isascii() and value.isdigit() and len(value) <= 18):
        raise Refused(Close.BAD_REQUEST, message)
    return int(value)


def _above(value: str) -> int:
    message = f"summary_above: entries a second, 1 to {SUMMARY_MAX}."
    number = _number(value, message)
    if not 1 <= number <= SUMMARY_MAX:
        raise Refused(Close.BAD_REQUEST, message)
    return number


def _uuid(value: str) -> str:
    try:
        return str(UUID(value))
    except ValueError:
        raise Refused(Close.BAD_REQUEST, "destination_id: a UUID.") from None


def _words(value: str) -> str:
    """As REST takes it: empty is no filter."""
    if len(value.strip()) > SEARCH_MAX or "\0" in value:
        raise Refused(Close.BAD_REQUEST, f"search: at most {SEARCH_MAX} characters, none of them NUL.")
    return value.strip()
