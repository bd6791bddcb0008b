"""A request as it goes out over HTTP/1.1. Pure."""

from functools import lru_cache
from typing import NamedTuple

from yarl import URL

from apps.deliveries.request import OutboundRequest


class Way(NamedTuple):
    """Where a URL leads."""

    origin: URL
    target: str
    host: str


@lru_cache(maxsize=1024)
def way(url: str) -> Way:
    """Encoded: it goes out as it was saved, never quoted anew."""
    whole = URL(url, encoded=True)
    return Way(whole.origin(), whole.raw_path_qs, whole.host_port_subcomponent or "")


def written(to: Way, request: OutboundRequest, *more: str) -> bytes:
    """Head and body. `more`: lines of the head. Raises ValueError for a line break in a header, which no saved one has."""
    body = request.body or b""
    lines = [f"{request.method} {to.target} HTTP/1.1", f"Host: {to.host}"]
    lines += [f"{name}: {value}" for name, value in request.headers]
    if request.method != "GET":
        lines.append(f"Content-Length: {len(body)}")
    lines += more
    text = "\r\n".join((*lines, "", ""))
    if max(text.count("\r"), text.count("\n")) > len(lines) + 1:
        raise ValueError("a line break in a header")
    return text.encode("ascii") + body
