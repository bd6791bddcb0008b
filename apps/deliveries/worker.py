"""A worker's life: the engine and the chores from the start, Channels' doorbell beside it, a drain at the end."""

import asyncio
import faulthandler
import logging
import os
import signal
import threading
from collections.abc import Sequence
from typing import Any

from channels.layers import get_channel_layer
from django.conf import settings

from apps.common.lanes import close_lanes
from apps.deliveries import chores, engine, port
from apps.logs.broadcast import LAYER_AWAY

logger = logging.getLogger(__name__)

# Seconds between tries to listen when the layer is away; the engine's poll delivers meanwhile.
_RECONNECT_S = 1.0
# Seconds beyond WORKER_STOP_S after which the process ends, whatever it does.
_LAST_S = 3.0


async def listen(application: Any, channel: str) -> None:
    """Hands each message of the channel to a consumer, until cancelled. No error ends it: the engine polls meanwhile."""
    consumer = _Consumer(application, channel)
    while True:
        try:
            consumer.take(await get_channel_layer().receive(channel))
        except LAYER_AWAY as error:
            logger.warning("doorbell on %s: %s; polling meanwhile", channel, type(error).__name__)
            await asyncio.sleep(_RECONNECT_S)
        except Exception:
            logger.exception("doorbell on %s: goes on after an error", channel)
            await asyncio.sleep(_RECONNECT_S)


class _Consumer:
    """A channel's consumer. One that failed is replaced with the next message: a bad message costs only itself."""

    def __init__(self, application: Any, channel: str) -> None:
        self._application, self._channel = application, channel
        self._inbox: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self._task: asyncio.Task[None] | None = None

    def take(self, message: dict[str, Any]) -> None:
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._live())
        self._inbox.put_nowait(message)

    async def _live(self) -> None:
        try:
            await self._application({"type": "channel", "channel": self._channel}, self._inbox.get, _nobody)
        except Exception:
            logger.exception("the consumer of %s failed", self._channel)


async def _nobody(message: dict[str, Any]) -> None:
    raise ValueError(f"nobody hears what a channel's consumer sends: {message.get('type')}")


def start() -> None:
    """The engine and, beside it, the chores, on this event loop."""
    engine.current().start()
    chores.current().start()


async def stop() -> None:
    """Claims nothing more, lets what is in the air end, and returns."""
    await asyncio.gather(chores.current().stop(), engine.current().stop())


async def run_worker(application: Any, channels: Sequence[str]) -> None:
    """Delivers until SIGTERM or SIGINT; then claims nothing more, lets what is in the air end, and returns."""
    loop = asyncio.get_running_loop()
    asked_to_stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, asked_to_stop.set)
    start()
    listeners = [asyncio.create_task(listen(application, channel)) for channel in channels]
    watched = asyncio.create_task(port.serve()) if settings.METRICS_PORT is not None else None
    await asked_to_stop.wait()
    end_by_all_means()
    for listener in listeners:
        listener.cancel()
    await stop()
    if watched is not None:  # as long as anything is under way
        watched.cancel()
    close_lanes()


def end_by_all_means() -> None:
    """Whatever hangs then, a look-up in the DNS or a driver: leases bring back what is lost with it."""
    last = threading.Timer(settings.WORKER_STOP_S + _LAST_S, _end_now)
    last.daemon = True
    last.start()


def _end_now() -> None:
    """Says on standard error where each thread stands."""
    faulthandler.dump_traceback()
    os._exit(0)
