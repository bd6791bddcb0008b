"""The rate limit: a moving window of one second for each account, exact across processes by Redis's clock.

When Redis does not answer in 100 ms, or there is none, each process counts alone at the same rate.
"""

import asyncio
import logging
import time
from collections import OrderedDict, deque
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from django.conf import settings
from redis.asyncio import Redis
from redis.exceptions import RedisError

logger = logging.getLogger(__name__)

_BUDGET_S = 0.1
WINDOW_S = 1.0
# Accounts whose last second this process remembers.
_ACCOUNTS_MAX = 50_000

# One call for all requests that have gathered. For each key the times of the last `limit` accepted posts, newest first:
# the post is refused when the oldest of them is within the window. TIME is Redis's own clock, in microseconds.
_SCRIPT = """
local clock = redis.call('TIME')
local now = clock[1] * 1000000 + clock[2]
local allowed = {}
for i, key in ipairs(KEYS) do
  local limit = tonumber(ARGV[i])
  local oldest = redis.call('LINDEX', key, limit - 1)
  if oldest and now - tonumber(oldest) < 1000000 then
    allowed[i] = 0
  else
    redis.call('LPUSH', key, string.format('%.0f', now))
    redis.call('LTRIM', key, 0, limit - 1)
    redis.call('PEXPIRE', key, 1500)
    allowed[i] = 1
  end
end
return allowed
"""


@dataclass(frozen=True, slots=True)
class Ask:
    account_id: UUID
    limit: int  # posts a second


class MovingWindow:
    """In memory, for one process."""

    def __init__(self) -> None:
        self._times: OrderedDict[UUID, deque[float]] = OrderedDict()

    def allow(self, ask: Ask, now: float) -> bool:
        """`now`: seconds of a clock that never goes back."""
        times = self._times.setdefault(ask.account_id, deque())
        self._times.move_to_end(ask.account_id)
        if len(self._times) > _ACCOUNTS_MAX:
            self._times.popitem(last=False)
        while times and now - times[0] >= WINDOW_S:
            times.popleft()
        if len(times) >= ask.limit:
            return False
        times.append(now)
        return True


_alone = MovingWindow()


class RateLimit:
    """One for each event loop; `allow` takes all requests that have gathered."""

    def __init__(self) -> None:
        self._redis: Redis | None = None
        if settings.REDIS_URL:
            self._redis = Redis.from_url(settings.REDIS_URL, socket_timeout=1, socket_connect_timeout=_BUDGET_S)

    async def allow(self, asks: Sequence[Ask]) -> list[bool]:
        if self._redis is not None:
            try:
                async with asyncio.timeout(_BUDGET_S):
                    return await self._ask(self._redis, asks)
            except (RedisError, OSError, TimeoutError) as error:
                logger.warning("rate limit counts alone: %s", type(error).__name__)
        return [_alone.allow(ask, time.monotonic()) for ask in asks]

    @staticmethod
    async def _ask(redis: Redis, asks: Sequence[Ask]) -> list[bool]:
        keys = [f"datapusher:rate:{ask.account_id}" for ask in asks]
        script = redis.register_script(_SCRIPT)
        answer = await script(keys=keys, args=[ask.limit for ask in asks])
        return [bool(allowed) for allowed in answer]
