"""Wakes the workers. A hint: it may be lost or ring twice; the poll finds what it missed."""

import asyncio
import logging

from asgiref.sync import async_to_sync
from channels.layers import get_channel_layer
from django.db import transaction

from apps.common.batching import PerLoop
from apps.common.metrics import HINTS_LOST
from apps.logs.broadcast import LAYER_AWAY

logger = logging.getLogger(__name__)

CHANNEL = "deliveries"
MESSAGE = {"type": "deliveries.ring"}
_BUDGET_S = 0.1


class _Bell:
    """One ring at a time: who rings while one is under way rings once more after it, however many they are."""

    def __init__(self) -> None:
        self._again = False
        self._task: asyncio.Task[None] | None = None

    def ring(self) -> None:
        self._again = True
        if self._task is None:
            self._task = asyncio.create_task(self._ring())

    async def _ring(self) -> None:
        try:
            while self._again:
                self._again = False
                await _send()
        finally:
            self._task = None


async def _send() -> None:
    try:
        async with asyncio.timeout(_BUDGET_S):
            await get_channel_layer().send(CHANNEL, MESSAGE)
    except LAYER_AWAY as error:
        HINTS_LOST.labels("doorbell").inc()
        logger.warning("doorbell not heard: %s", type(error).__name__)


_bell = PerLoop(_Bell)


def ring() -> None:
    """Never waits and never fails. Call it after the commit, on the event loop."""
    _bell().ring()


def ring_after_commit() -> None:
    """For threads: rings once the transaction stands, else at once. Waits 100 ms at most; what fails is only logged."""
    transaction.on_commit(_ring_now, robust=True)


def _ring_now() -> None:
    async_to_sync(_send)()
