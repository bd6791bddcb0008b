"""Writes logs as a worker does, without delivering anything: `python -m tests.integration.writer RATE SECONDS ACCOUNT_ID...`

RATE logs a second in all, to the accounts in turn. Each batch is a transaction, then a broadcast.
"""

import asyncio
import sys
import time
from collections.abc import Sequence
from itertools import cycle

import django

django.setup()

from apps.common.lanes import lane  # noqa: E402  (after setup)
from apps.destinations.models import Destination  # noqa: E402
from apps.logs.broadcast import publish  # noqa: E402
from tests.consumers.writing import write_logs  # noqa: E402

BATCH = 4


async def write(destinations: Sequence[Destination], rate: float, seconds: float) -> None:
    began = time.monotonic()
    for number, destination in enumerate(cycle(destinations)):
        wait = began + number * BATCH / rate - time.monotonic()
        if number * BATCH >= rate * seconds:
            return
        await asyncio.sleep(max(0.0, wait))
        entries = await lane("read").run(lambda: write_logs(destination, BATCH))  # noqa: B023  (awaited at once)
        await publish({destination.account_id: entries})


if __name__ == "__main__":
    rate, seconds, *accounts = sys.argv[1:]
    asyncio.run(write(list(Destination.objects.filter(account_id__in=accounts)), float(rate), float(seconds)))
