"""Bounds on what Daphne reads: it keeps a whole body before anybody sees it, with or without a token, as many as come."""

import asyncio
from collections import deque
from typing import Any

from django.conf import settings

# Bytes from which a body is large, and how many of those are read and worked on at once. The others' senders wait: 400 of
# 1 MiB at once kept everybody's small posts waiting for 3 s (measured).
_LARGE = 65_536
_AT_ONCE = 4
# Seconds after which one that stalls gives its place away.
_STALLED_S = 10.0


class Doorway:
    """Lets so many in; the others' connections are not read until somebody leaves."""

    def __init__(self) -> None:
        self._inside: dict[Any, asyncio.TimerHandle] = {}
        self._outside: deque[Any] = deque()

    def enter(self, request: Any) -> None:
        """Called once for each request whose body turns out to be large."""
        if len(self._inside) < _AT_ONCE:
            self._inside[request] = asyncio.get_event_loop().call_later(_STALLED_S, self.leave, request)
        else:
            self._outside.append(request)
            request.channel.pauseProducing()

    def leave(self, request: Any) -> None:
        """Called for each request that ends, however it does."""
        if timer := self._inside.pop(request, None):
            timer.cancel()
            while self._outside and len(self._inside) < _AT_ONCE:
                following = self._outside.popleft()
                if getattr(following, "channel", None) is not None:  # its sender is still there
                    self.enter(following)
                    following.channel.resumeProducing()


def bound(request_class: Any) -> None:
    """Changes Daphne's class of requests. What goes beyond the largest body that we take is dropped as it comes: the one
    byte too many is enough to refuse it."""
    take, finish, lost = request_class.handleContentChunk, request_class.finish, request_class.connectionLost
    limit = max(settings.INGEST_MAX_BYTES, settings.DATA_UPLOAD_MAX_MEMORY_SIZE) + 1
    doorway = Doorway()

    def handle_content_chunk(request: Any, data: bytes) -> None:
        had = request.content.tell()
        if had < limit:
            take(request, data[: limit - had])
            if had <= _LARGE < had + len(data):
                doorway.enter(request)

    def finish_and_leave(request: Any) -> None:
        finish(request)
        doorway.leave(request)

    def lose_and_leave(request: Any, reason: object) -> None:
        lost(request, reason)
        doorway.leave(request)

    request_class.handleContentChunk = handle_content_chunk
    request_class.finish = finish_and_leave
    request_class.connectionLost = lose_and_leave
