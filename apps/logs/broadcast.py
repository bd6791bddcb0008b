"""Tells whoever watches an account what was just logged. A hint: it may be dropped, the cursor finds the gap."""

import asyncio
import logging
from collections.abc import Mapping, Sequence
from uuid import UUID

from channels.exceptions import ChannelFull
from channels.layers import get_channel_layer
from redis.exceptions import RedisError

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
    """Sends each account's new entries, which are consecutive, to its group. Never raises for a layer that is away."""
    layer = get_channel_layer()
    try:
        async with asyncio.timeout(_BUDGET_S):
            for account_id, own in entries.items():
                for start in range(0, len(own), _A_MESSAGE):
                    part = own[start : start + _A_MESSAGE]
                    await layer.group_send(group_of(account_id), _message(part))
    except LAYER_AWAY as error:
        logger.warning("broadcast dropped: %s", type(error).__name__)


def _message(part: Sequence[Entry]) -> dict[str, object]:
    """Only strings, integers and lists: what both msgpack and the in-memory layer carry alike."""
    return {
        "type": "log.entries",
        "after": part[0].cursor - 1,
        "cursor": part[-1].cursor,
        "entries": [[entry.cursor, entry.status, entry.destination_id, entry.json] for entry in part],
    }
