"""A moving window for each key, exact across processes by Redis's clock.

When Redis does not answer in 100 ms, or there is none, each process counts alone at the same rate.
"""

import asyncio
import hashlib
import logging
import time
from collections import OrderedDict, deque
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from threading import Lock
from typing import Any

import redis
from django.conf import settings
from redis.asyncio.connection import ConnectionPool
from redis.exceptions import NoScriptError, RedisError

from apps.common.errors import TooMany
from apps.common.metrics import HINTS_LOST

logger = logging.getLogger(__name__)

_BUDGET_S = 0.1
# Keys whose last window this process remembers.
_KEYS_MAX = 50_000

# One call for all questions that have gathered. For each key the times of the last `limit` accepted calls, newest first:
# refused when the oldest of them is within the window. TIME is Redis's own clock, in microseconds. The answer for each:
# 0, or the microseconds until there is room.
_SCRIPT = """
local clock = redis.call('TIME')
local now = clock[1] * 1000000 + clock[2]
local waits = {}
for i, key in ipairs(KEYS) do
  local limit, window = tonumber(ARGV[2 * i - 1]), tonumber(ARGV[2 * i])
  local oldest = redis.call('LINDEX', key, limit - 1)
  if oldest and now - tonumber(oldest) < window then
    waits[i] = tonumber(oldest) + window - now
  else
    redis.call('LPUSH', key, string.format('%.0f', now))
    redis.call('LTRIM', key, 0, limit - 1)
    redis.call('PEXPIRE', key, math.ceil(window / 1000) + 500)
    waits[i] = 0
  end
end
return waits
"""
_SHA = hashlib.sha1(_SCRIPT.encode(), usedforsecurity=False).hexdigest()


@dataclass(frozen=True, slots=True)
class Ask:
    """`key` holds no secret and no e-mail: it stands in Redis."""

    key: str
    limit: int
    window_s: int = 1


class MovingWindow:
    """In memory, for one process; threads may share it."""

    def __init__(self) -> None:
        self._times: OrderedDict[str, deque[float]] = OrderedDict()
        self._lock = Lock()

    def wait(self, ask: Ask, now: float) -> float:
        """0 when the call may pass, and it is counted; else the seconds until there is room.

        `now`: seconds of a clock that never goes back.
        """
        with self._lock:
            times = self._times.setdefault(ask.key, deque())
            self._times.move_to_end(ask.key)
            if len(self._times) > _KEYS_MAX:
                self._times.popitem(last=False)
            while times and now - times[0] >= ask.window_s:
                times.popleft()
            if len(times) >= ask.limit:
                return times[-ask.limit] + ask.window_s - now
            times.append(now)
            return 0.0


_alone = MovingWindow()
# Seconds for which a Redis that did not answer is not asked again: else each request of an outage waits for it.
_PAUSE_S = 1.0
_ask_again_at = 0.0


def wait_for(ask: Ask) -> float:
    """0 when the call may pass, and it is counted; else the seconds until there is room. For threads, not the event loop."""
    global _ask_again_at  # noqa: PLW0603  (of the process, as the client is)
    if settings.REDIS_URL and time.monotonic() >= _ask_again_at:
        try:
            answer: Any = _client(settings.REDIS_URL).register_script(_SCRIPT)(keys=_keys([ask]), args=_arguments([ask]))
            return int(answer[0]) / 1e6
        except (RedisError, OSError) as error:
            _ask_again_at = time.monotonic() + _PAUSE_S
            logger.warning("rate limit counts alone: %s", type(error).__name__)
    return _alone.wait(ask, time.monotonic())


def spend(key: str, limit: int, window_s: int) -> None:
    """Counts one call. Raises TooMany when `limit` calls were made in the last `window_s` seconds."""
    if wait := wait_for(Ask(key, limit, window_s)):
        raise TooMany(wait)


@lru_cache(maxsize=1)
def _client(url: str) -> "redis.Redis":
    return redis.Redis.from_url(url, socket_timeout=_BUDGET_S, socket_connect_timeout=_BUDGET_S)


def _keys(asks: Sequence[Ask]) -> list[str]:
    return [f"datapusher:rate:{ask.key}" for ask in asks]


def _arguments(asks: Sequence[Ask]) -> list[int]:
    return [number for ask in asks for number in (ask.limit, ask.window_s * 1_000_000)]


class RateLimit:
    """One for each event loop; `allow` takes all questions that have gathered."""

    def __init__(self) -> None:
        self._redis: Any = None  # its connections have no types
        self._free: list[Any] = []
        self._ask_again_at = 0.0
        if settings.REDIS_URL:
            self._redis = ConnectionPool.from_url(settings.REDIS_URL, socket_timeout=None, socket_connect_timeout=_BUDGET_S)

    async def allow(self, asks: Sequence[Ask]) -> list[bool]:
        if self._redis is not None and time.monotonic() >= self._ask_again_at:
            try:
                async with asyncio.timeout(_BUDGET_S):
                    return await self._ask(self._redis, asks)
            except (RedisError, OSError, TimeoutError) as error:
                self._ask_again_at = time.monotonic() + _PAUSE_S
                HINTS_LOST.labels("rate").inc()
                logger.warning("rate limit counts alone: %s", type(error).__name__)
        return [not _alone.wait(ask, time.monotonic()) for ask in asks]

    async def _ask(self, pool: Any, asks: Sequence[Ask]) -> list[bool]:
        """A kept connection may have been closed meanwhile; a new one then serves."""
        while self._free:
            with suppress(redis.ConnectionError):
                return await self._ask_over(self._free.pop(), asks)
        return await self._ask_over(pool.make_connection(), asks)

    async def _ask_over(self, connection: Any, asks: Sequence[Ask]) -> list[bool]:
        """A bare connection: the client's own way around it takes longer than Redis and the way there (measured)."""
        keys = _keys(asks)
        arguments = (len(keys), *keys, *_arguments(asks))
        try:
            if not connection.is_connected:
                await connection.connect()
            await connection.send_command("EVALSHA", _SHA, *arguments)
            try:
                answer = await connection.read_response()
            except NoScriptError:
                await connection.send_command("EVAL", _SCRIPT, *arguments)
                answer = await connection.read_response()
        except BaseException:  # also at the end of our patience: the answer to this would be taken for the next one's
            await connection.disconnect(nowait=True)
            raise
        self._free.append(connection)
        return [not wait for wait in answer]
