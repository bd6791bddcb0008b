"""The worker's channel: the doorbell, nothing else."""

from channels.consumer import AsyncConsumer

from apps.deliveries import engine


class DeliveriesConsumer(AsyncConsumer):
    async def deliveries_ring(self, message: dict[str, object]) -> None:
        """Starts the engine where nobody has (Channels' own worker command), and wakes it."""
        running = engine.current()
        running.start()
        running.wake()
