"""The worker's channel: the doorbell, nothing else."""

from channels.consumer import AsyncConsumer

from apps.deliveries import engine
from apps.deliveries.doorbell import MESSAGE


class DeliveriesConsumer(AsyncConsumer):
    async def dispatch(self, message: dict[str, object]) -> None:
        """Channels' own first closes old database connections, in a thread: a hop at each ring, and there are none here."""
        if message.get("type") != MESSAGE["type"]:
            raise ValueError(f"No handler for message type {message.get('type')}")
        await self.deliveries_ring(message)

    async def deliveries_ring(self, message: dict[str, object]) -> None:
        """Starts the engine where nobody has (Channels' own worker command), and wakes it."""
        running = engine.current()
        running.start()
        running.wake()
