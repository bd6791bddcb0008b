"""Wraps the whole application: a request id for each request and its answer, and one JSON line a request."""

import logging
import re
import time

from apps.common import request_id
from consumers.asgi import Application, Message, Receive, Scope, Send

logger = logging.getLogger("datapusher.access")
# What follows these in a path of django-allauth is a secret: whoever has it may set a password, or prove an e-mail.
_SECRET = re.compile(r"(/key/|/confirm-email/)[^/]+")
_ACCOUNT = re.compile(r"/accounts/([0-9a-f-]{36})/")


class AccessLog:
    """HTTP only; a socket's life is logged by its consumer."""

    def __init__(self, application: Application) -> None:
        self._application = application

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._application(scope, receive, send)
            return
        began = time.perf_counter()
        identity = _identify(scope)
        status = 500

        async def tagged(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                others = [pair for pair in message.get("headers", ()) if pair[0].lower() != b"x-request-id"]
                message = {**message, "headers": [*others, (b"x-request-id", identity.encode())]}
            await send(message)

        try:
            await self._application(scope, receive, tagged)
        finally:
            account = scope.get("datapusher.account") or _account(scope["path"])
            milliseconds = round((time.perf_counter() - began) * 1000, 1)
            fields = {
                "request_id": identity,
                "method": scope["method"],
                "path": _SECRET.sub(r"\1…", scope["path"]),
                "status": status,
            }
            if event := scope.get("datapusher.event"):
                fields["event_id"] = event
            _write(fields | {"ms": milliseconds, "account": account})


_BLANK = vars(logging.LogRecord(logger.name, logging.INFO, __file__, 0, "request", (), None))


def _write(fields: dict[str, object]) -> None:
    """One line. A record of logging's own making asks for the caller, the thread, the process and the task, none of which
    stands in the line: twice the time, at each request."""
    if logger.isEnabledFor(logging.INFO):
        record = logging.LogRecord.__new__(logging.LogRecord)
        vars(record).update(_BLANK, created=time.time(), **fields)
        logger.handle(record)


def _identify(scope: Scope) -> str:
    """The request's id, also put in the place of the sender's header, so that all behind us see the same one."""
    sent = next((value for name, value in scope["headers"] if name == b"x-request-id"), b"")
    identity = request_id.choose(sent.decode("latin-1"))
    others = [pair for pair in scope["headers"] if pair[0] != b"x-request-id"]
    scope["headers"] = [*others, (b"x-request-id", identity.encode())]
    return identity


def _account(path: str) -> str:
    match = _ACCOUNT.search(path)
    return match[1] if match else ""
