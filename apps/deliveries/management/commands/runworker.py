"""Channels' runworker, ours: the engine starts at boot, not with the first message; it reconnects, and drains on SIGTERM."""

import asyncio
from argparse import ArgumentParser
from typing import Any

from channels.layers import get_channel_layer
from channels.management.commands.runworker import Command as ChannelsCommand
from channels.routing import get_default_application
from django.core.management import CommandError

from apps.deliveries.doorbell import CHANNEL
from apps.deliveries.worker import run_worker


class Command(ChannelsCommand):  # type: ignore[misc]
    help = "Delivers webhooks: listens for the doorbell on the named channels and works the queue in the database."

    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)
        channels = next(action for action in parser._actions if action.dest == "channels")
        channels.nargs, channels.default, channels.required = "*", [CHANNEL], False

    def handle(self, *args: Any, **options: Any) -> None:
        if get_channel_layer(options["layer"]) is None:
            raise CommandError(f"CHANNEL_LAYERS has no layer named {options['layer']}.")
        try:
            from uvloop import run
        except ImportError:
            run = asyncio.run
        run(run_worker(get_default_application(), options["channels"]))
