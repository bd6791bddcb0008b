"""Workers that are not as ours should be: `stock` is Channels' own command, `raising` has a consumer that fails every tenth
time."""

import os
import sys
from typing import Any

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.integration.settings")
django.setup()

from channels.management.commands.runworker import Command as Stock  # noqa: E402  (after setup)
from channels.routing import ChannelNameRouter, ProtocolTypeRouter  # noqa: E402
from django.conf import settings  # noqa: E402

from apps.deliveries.doorbell import CHANNEL  # noqa: E402
from apps.deliveries.management.commands.runworker import Command as Ours  # noqa: E402
from consumers.deliveries import DeliveriesConsumer  # noqa: E402


class Raising(DeliveriesConsumer):
    heard = 0

    async def deliveries_ring(self, message: dict[str, Any]) -> None:
        Raising.heard += 1
        if Raising.heard % 10 == 0:
            raise RuntimeError("every tenth doorbell")
        await super().deliveries_ring(message)


application = ProtocolTypeRouter({"channel": ChannelNameRouter({CHANNEL: Raising.as_asgi()})})

if __name__ == "__main__":
    if sys.argv[1] == "raising":
        settings.ASGI_APPLICATION = "tests.integration.foreign_worker.application"
    command = Stock() if sys.argv[1] == "stock" else Ours()
    command.run_from_argv(["manage.py", "runworker", CHANNEL])
