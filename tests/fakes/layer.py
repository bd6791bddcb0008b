"""The product's layer over Redis, for tests that run beside each other: each hears its own rings only."""

from typing import Any

from consumers.layers import PubSubLayer


class OwnLayer(PubSubLayer):
    """Channels' layer puts its prefix before groups and before the names it makes, not before names that we give it."""

    def _own(self, channel: str) -> str:
        prefix: str = self._get_layer().prefix
        return channel if channel.startswith(prefix) else prefix + channel

    async def send(self, channel: str, message: dict[str, Any]) -> None:
        await self._get_layer().send(self._own(channel), message)

    async def receive(self, channel: str) -> dict[str, Any]:
        message: dict[str, Any] = await self._get_layer().receive(self._own(channel))
        return message
