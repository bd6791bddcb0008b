"""A cache in Redis that never fails a request: while Redis is away, the process keeps what it would hold there."""

import logging
import time
from collections.abc import Callable
from typing import Any, TypeVar

import orjson
from django.core.cache.backends.base import DEFAULT_TIMEOUT
from django.core.cache.backends.locmem import LocMemCache
from django.core.cache.backends.redis import RedisCache
from redis.exceptions import RedisError

logger = logging.getLogger(__name__)

T = TypeVar("T")

# Seconds for which a Redis that did not answer is not asked again: a request asks a few times, and waits once.
_PAUSE_S = 1.0


class JsonSerializer:
    """Not pickle: who can write to Redis must not run code here."""

    def dumps(self, value: Any) -> Any:
        return value if type(value) is int else orjson.dumps(value)

    def loads(self, stored: bytes) -> Any:
        return orjson.loads(stored)


class ForgivingRedisCache(RedisCache):
    """The operations that limits are counted with. What is kept here and what is in Redis is never brought together."""

    def __init__(self, server: str, params: dict[str, Any]) -> None:
        params.setdefault("OPTIONS", {})["serializer"] = JsonSerializer()
        super().__init__(server, params)
        self._alone = LocMemCache("while-redis-is-away", {})
        self._ask_again_at = 0.0

    def _try(self, ask: Callable[[], T], instead: Callable[[], T]) -> T:
        if time.monotonic() >= self._ask_again_at:
            try:
                return ask()
            except (RedisError, OSError) as error:
                self._ask_again_at = time.monotonic() + _PAUSE_S
                logger.warning("the cache keeps alone: %s", type(error).__name__)
        return instead()

    def add(self, key: Any, value: Any, timeout: Any = DEFAULT_TIMEOUT, version: int | None = None) -> bool:
        return self._try(
            lambda: super(ForgivingRedisCache, self).add(key, value, timeout, version),
            lambda: self._alone.add(key, value, timeout, version),
        )

    def get(self, key: Any, default: Any = None, version: int | None = None) -> Any:
        return self._try(
            lambda: super(ForgivingRedisCache, self).get(key, default, version),
            lambda: self._alone.get(key, default, version),
        )

    def set(self, key: Any, value: Any, timeout: Any = DEFAULT_TIMEOUT, version: int | None = None) -> None:
        return self._try(
            lambda: super(ForgivingRedisCache, self).set(key, value, timeout, version),
            lambda: self._alone.set(key, value, timeout, version),
        )

    def delete(self, key: Any, version: int | None = None) -> bool:
        return self._try(
            lambda: super(ForgivingRedisCache, self).delete(key, version),
            lambda: self._alone.delete(key, version),
        )

    def clear(self) -> None:
        """Only what this cache holds: the database in Redis is also the channel layer's."""
        self._alone.clear()
        client = self._cache.get_client(None, write=True)
        keys = list(client.scan_iter(match=self.make_key("*"), count=1000))
        if keys:
            client.delete(*keys)
