from importlib import import_module

from django.apps import AppConfig


class DeliveriesConfig(AppConfig):
    name = "apps.deliveries"

    def ready(self) -> None:
        import_module("apps.deliveries.receivers")
