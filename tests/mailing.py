"""Another way for mails than the tests' outbox, on both Djangos."""

from typing import Any

import django

# An option of MAILERS -> the setting that it replaces.
_BEFORE = {"host": "EMAIL_HOST", "port": "EMAIL_PORT"}


def mail_by(settings: Any, backend: str, **options: Any) -> None:
    """From now on, until the test ends."""
    if django.VERSION >= (6, 1):
        settings.MAILERS = {"default": {"BACKEND": backend, "OPTIONS": options}}
        return
    settings.EMAIL_BACKEND = backend
    for name, value in options.items():
        setattr(settings, _BEFORE[name], value)
