from importlib import import_module

from django.apps import AppConfig


class InboxConfig(AppConfig):
    name = "apps.inbox"

    def ready(self) -> None:
        import_module("apps.inbox.receivers")
