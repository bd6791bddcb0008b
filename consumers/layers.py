"""Channels' layers, which also know which groups somebody hears: what nobody would get need not be made and sent."""

from collections import defaultdict
from collections.abc import Iterable
from typing import Any

from channels.layers import InMemoryChannelLayer
from channels_redis.pubsub import RedisPubSubChannelLayer


class MemoryLayer(InMemoryChannelLayer):
    async def heard(self, groups: Iterable[str]) -> set[str]:
        """Those of the groups in which there is somebody."""
        return {group for group in groups if self.groups.get(group)}


class PubSubLayer(RedisPubSubChannelLayer):
    async def heard(self, groups: Iterable[str]) -> set[str]:
        """Those of the groups in which there is somebody, in any process: one question to each Redis."""
        layer = self._get_layer()
        by_shard: dict[Any, dict[bytes, str]] = defaultdict(dict)
        for group in groups:
            name = layer._get_group_channel_name(group)
            by_shard[layer._get_shard(name)][name.encode()] = group
        found: set[str] = set()
        for shard, names in by_shard.items():
            async with shard._lock:
                shard._ensure_redis()
                counts = await shard._redis.pubsub_numsub(*names)
            found |= {names[name] for name, count in counts if count}
        return found
