"""The cache, in which limits on guessing are counted: Redis for all processes, or the memory of one."""

from typing import Any

from datapusher.settings import env
from datapusher.settings.channels import REDIS_URL

_redis: dict[str, Any] = {
    "BACKEND": "apps.common.cache.ForgivingRedisCache",
    "LOCATION": REDIS_URL,
    "KEY_PREFIX": "datapusher:cache",
    # Seconds. A request asks the cache a few times; one without an answer in 100 ms goes on without it.
    "OPTIONS": {"socket_timeout": 0.1, "socket_connect_timeout": 0.1},
}
CACHES = {"default": _redis if REDIS_URL else {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}

# REST calls of one user in a minute.
API_RATE = env.per_minute("API_RATE", "6000/minute")
