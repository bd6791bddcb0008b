"""The ASGI application, for any server: it waits for the database and Redis, then serves."""

import os

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "datapusher.settings")
django.setup()

from apps.deliveries.startup import wait_for_services  # noqa: E402  (Django must be set up first)
from consumers.routing import application  # noqa: E402

wait_for_services()

__all__ = ["application"]
