"""The channel layer: in memory in one process, Redis pub/sub between processes."""

from typing import Any

from redis import ConnectionPool

from datapusher.settings import env

REDIS_URL = env.text("REDIS_URL")
if REDIS_URL:
    try:
        _parsed = ConnectionPool.from_url(REDIS_URL).connection_kwargs  # connects to nothing yet
    except ValueError as _error:
        raise env.SettingError("REDIS_URL", "must be redis://host:port/0, rediss://… or unix://…") from _error
    if not _parsed.get("host") and not _parsed.get("path"):
        raise env.SettingError("REDIS_URL", "names no host; it must be redis://host:port/0, rediss://… or unix://…")

# Seconds. Above 5, where redis-py's own default ends idle workers; never None, or a frozen Redis hangs a send for 40 s.
REDIS_SOCKET_TIMEOUT_S = 6

# Pub/sub, not the core layer: it survives a Redis restart and FLUSHALL. It may ring a worker twice; ringing is idempotent.
_redis: dict[str, Any] = {
    "BACKEND": "consumers.layers.PubSubLayer",
    "CONFIG": {
        "hosts": [
            {"address": REDIS_URL, "socket_timeout": REDIS_SOCKET_TIMEOUT_S, "socket_connect_timeout": 2},
        ],
        "prefix": "datapusher",
    },
}
# In memory a group forgets who joined it after so many seconds; the live socket's feed joins for as long as somebody watches.
_memory: dict[str, Any] = {"BACKEND": "consumers.layers.MemoryLayer", "CONFIG": {"group_expiry": 10 * 365 * 86_400}}
CHANNEL_LAYERS: dict[str, dict[str, Any]] = {"default": _redis if REDIS_URL else _memory}
