"""The cache while Redis is away. With Redis: tests/api/test_limits.py under tests.services."""

import socket
from contextlib import suppress

import pytest

from apps.common.cache import ForgivingRedisCache, JsonSerializer


@pytest.fixture
def cache() -> ForgivingRedisCache:
    return ForgivingRedisCache("redis://127.0.0.1:1/0", {"OPTIONS": {"socket_timeout": 0.1, "socket_connect_timeout": 0.1}})


def test_without_redis_the_process_counts_alone(cache: ForgivingRedisCache) -> None:
    assert (cache.add("a", True), cache.add("a", True), cache.get("a"), cache.get("b", [])) == (True, False, True, [])
    cache.set("b", [1.5])
    assert (cache.get("b"), cache.delete("b"), cache.get("b")) == ([1.5], True, None)


def connections(listener: socket.socket) -> int:
    """That nobody has taken yet."""
    number = 0
    with suppress(BlockingIOError):
        while True:
            listener.accept()[0].close()
            number += 1
    return number


def test_a_redis_that_is_away_is_not_asked_each_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("apps.common.cache._PAUSE_S", 60)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        silent.setblocking(False)
        cache = ForgivingRedisCache(f"redis://127.0.0.1:{silent.getsockname()[1]}/0", {"OPTIONS": {"socket_timeout": 0.1}})
        cache.get("a")
        assert connections(silent)
        for _ in range(50):
            cache.get("a")
        assert connections(silent) == 0


@pytest.mark.parametrize("value", [1, 2**40, "y", True, None, [1.25, 2.5]])
def test_what_goes_in_comes_out(value: object) -> None:
    stored = JsonSerializer().dumps(value)
    assert JsonSerializer().loads(str(stored).encode() if isinstance(stored, int) else stored) == value
