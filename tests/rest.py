"""A REST client with a bearer token, without a server."""

from dataclasses import dataclass
from typing import Any

import orjson
from django.test import Client

from apps.users.models import User
from apps.users.services import sign_in


@dataclass(frozen=True)
class Answer:
    status: int
    headers: dict[str, str]
    """Names in lower case."""
    body: Any


class Rest:
    """`Rest(alice).get("accounts/")`; without a user nobody is signed in."""

    def __init__(self, user: User | None = None) -> None:
        self.pair = sign_in(user=user) if user else None

    def __call__(self, method: str, path: str, body: Any = None, **headers: str) -> Answer:
        raw = self.raw(method, path, body, **headers)
        answered = {name.lower(): value for name, value in raw.items()}
        content = b"" if raw.streaming else raw.content
        is_json = answered.get("content-type") == "application/json"
        return Answer(raw.status_code, answered, orjson.loads(content) if is_json and content else content.decode() or None)

    def raw(self, method: str, path: str, body: Any = None, **headers: str) -> Any:
        """Django's own answer, with the bytes as they are sent."""
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        if self.pair:
            sent.setdefault("Authorization", f"Bearer {self.pair.access}")
        if body is not None:
            return Client().generic(method, f"/api/v1/{path}", _json(body), "application/json", headers=sent)
        return Client().generic(method, f"/api/v1/{path}", headers=sent)

    def get(self, path: str, **headers: str) -> Answer:
        return self("GET", path, **headers)

    def post(self, path: str, body: Any = None, **headers: str) -> Answer:
        return self("POST", path, {} if body is None else body, **headers)

    def put(self, path: str, body: Any, **headers: str) -> Answer:
        return self("PUT", path, body, **headers)

    def patch(self, path: str, body: Any, **headers: str) -> Answer:
        return self("PATCH", path, body, **headers)

    def delete(self, path: str, **headers: str) -> Answer:
        return self("DELETE", path, **headers)


def _json(body: Any) -> bytes:
    return body if isinstance(body, bytes) else orjson.dumps(body)
