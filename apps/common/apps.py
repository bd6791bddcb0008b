from importlib import import_module

from django.apps import AppConfig


class CommonConfig(AppConfig):
    name = "apps.common"

    def ready(self) -> None:
        import_module("apps.common.checks")
