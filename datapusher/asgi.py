"""The ASGI application, for any server: it waits for the database and Redis, then serves."""

import gc
import os

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "datapusher.settings")
django.setup()

from apps.deliveries.startup import wait_for_services  # noqa: E402  (Django must be set up first)
from consumers.routing import application  # noqa: E402

wait_for_services()
# All that the start has made stays: looking through it again and again would stop the event loop for 0.1 s each time.
gc.collect()
gc.freeze()
gc.set_threshold(10_000, 20, 20)

__all__ = ["application"]
