"""One post to a running product."""

import urllib.request


def post(url: str, token: str, event_id: str, body: bytes = b"{}") -> int:
    """The status of the answer, which is a 2xx."""
    headers = {"CL-X-TOKEN": token, "CL-X-EVENT-ID": event_id, "Content-Type": "application/json"}
    with urllib.request.urlopen(urllib.request.Request(f"{url}/server/incoming_data", body, headers), timeout=10) as answer:
        return int(answer.status)
