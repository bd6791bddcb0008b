"""Tells whoever watches an account what was just logged. A hint: it may be dropped, the cursor finds the gap."""

import asyncio
import logging
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from channels.exceptions import ChannelFull
from channels.layers import get_channel_layer
from redis.exceptions import RedisError

from apps.common.metrics import HINTS_LOST
from apps.logs.selectors import Entry

logger = logging.getLogger(__name__)

# What a channel layer that is away, frozen or full raises.
LAYER_AWAY = (RedisError, OSError, TimeoutError, ChannelFull)
# Entries a message: 100 of the largest (4 KiB data, 1 KiB answer) stay below 1 MiB.
_A_MESSAGE = 100
_BUDGET_S = 0.5


def group_of(account_id: UUID) -> str:
    """The group's name: within `[A-Za-z0-9._-]` and 100 characters."""
    return f"logs.{account_id}"


async def publish(entries: Mapping[UUID, Sequence[Entry]]) -> None:
    """Sends each account's new entries, which are consecutive, to its group. Never raises for a layer that is away.

    Those of accounts that nobody watches are not even made.
    """
    layer = get_channel_layer()
    try:
        async with asyncio.timeout(_BUDGET_S):
            watched = await layer.heard([group_of(account_id) for account_id in entries])
            for account_id in [each for each in entries if group_of(each) in watched]:
                own = entries[account_id]
                for start in range(0, len(own), _A_MESSAGE):
                    part = own[start : start + _A_MESSAGE]
                    await layer.group_send(group_of(account_id), _message(account_id, part))
    except LAYER_AWAY as error:
        HINTS_LOST.labels("broadcast").inc()
        logger.warning("broadcast dropped: %s", type(error).__name__)


async def layer_answers() -> bool:
    """Whether the channel layer does within half a second: it is Redis, where there is more than one process."""
    try:
        async with asyncio.timeout(_BUDGET_S):
            await get_channel_layer().heard([group_of(UUID(int=0))])
    except LAYER_AWAY:
        return False
    return True


def _message(account_id: UUID, part: Sequence[Entry]) -> dict[str, object]:
    """Only strings, numbers and lists: what both msgpack and the in-memory layer carry alike."""
    return {
        "type": "log.entries",
        "at": time.time(),
        "account": str(account_id),
        "entries": [[entry.cursor, entry.status, entry.destination_id, entry.json, entry.data_at] for entry in part],
    }


@dataclass(frozen=True, slots=True)
class Heard:
    """A broadcast as it arrived: consecutive entries of an account."""

    account_id: UUID
    entries: Sequence[Entry]

    @property
    def after(self) -> int:
        return self.entries[0].cursor - 1

    @property
    def cursor(self) -> int:
        return self.entries[-1].cursor


def heard(message: Mapping[str, Any]) -> Heard:
    return Heard(UUID(message["account"]), [Entry(*fields) for fields in message["entries"]])
