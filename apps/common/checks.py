"""What is unsafe where others can reach it. `check --deploy` lists it; a serving process does not start with it."""

from collections.abc import Iterator
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.checks import CheckMessage, Error, register

TAG = "unsafe"
# Characters, and different ones among them: 32 bytes are what HS256, by which tokens are signed, wants.
_KEY_MIN, _KEY_VARIETY = 32, 5


def is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


@register(TAG, deploy=True)
def unsafe(**_: Any) -> list[CheckMessage]:
    return [Error(text, id=f"datapusher.{number}") for number, text in _found()]


def _found() -> Iterator[tuple[str, str]]:
    public = urlsplit(settings.PUBLIC_URL)
    at_home = is_loopback(settings.HOST) and is_loopback(public.hostname or "")
    if settings.DEBUG and not at_home:
        yield "E001", "DEBUG: must be false where others reach it: its pages show settings and payloads"
    if public.scheme == "http" and not is_loopback(public.hostname or ""):
        yield "E002", "PUBLIC_URL: must be https where others reach it: passwords and tokens would go over the wire in plain"
    key = settings.SECRET_KEY
    if len(key) < _KEY_MIN or len(set(key)) < _KEY_VARIETY or key.startswith("django-insecure-"):
        yield "E003", f"SECRET_KEY: must be random, of {_KEY_MIN} characters and more: who guesses it signs in as anybody"
    if "*" in settings.ALLOWED_HOSTS and not at_home:
        yield "E004", "ALLOWED_HOSTS: must name the hosts instead of *: any page that a browser has open could name its own"
