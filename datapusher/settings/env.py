"""Reads the environment (and `.env` beside manage.py). Every reader raises SettingError, which names the setting."""

import os
import re
import secrets
import tempfile
from collections.abc import Callable
from contextlib import suppress
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import TypeVar
from urllib.parse import urlsplit

import environ

T = TypeVar("T")

BASE_DIR = Path(__file__).resolve().parent.parent.parent
VAR_DIR = BASE_DIR / "var"

_env = environ.Env()
environ.Env.read_env(BASE_DIR / ".env")


class SettingError(SystemExit):
    """A setting is malformed or missing. As a SystemExit it ends any server or command with this one line on stderr."""

    def __init__(self, name: str, why: str) -> None:
        super().__init__(f"datapusher: {name}: {why}")


def _read(name: str, default: str, parse: Callable[[str], T], wanted: str) -> T:
    """The parsed value; an empty variable counts as not set."""
    try:
        return parse(text(name) or default)
    except ValueError as error:
        raise SettingError(name, f"must be {wanted}") from error


def text(name: str) -> str:
    """The value without surrounding spaces; empty when not set."""
    return str(_env.ENVIRON.get(name, "")).strip()  # _env.str would take a secret that begins with $ for a reference


def is_set(name: str) -> bool:
    """True when the variable exists, even if it is empty."""
    return name in _env.ENVIRON


def boolean(name: str, *, default: bool) -> bool:
    words = {"true": True, "1": True, "yes": True, "on": True, "false": False, "0": False, "no": False, "off": False}

    def parse(value: str) -> bool:
        if value.lower() not in words:
            raise ValueError(value)
        return words[value.lower()]

    return _read(name, str(default), parse, "true or false")


def integer(name: str, default: int, *, low: int, high: int) -> int:
    def parse(value: str) -> int:
        number = int(value)
        if not low <= number <= high:
            raise ValueError(value)
        return number

    return _read(name, str(default), parse, f"a whole number from {low} to {high}")


def choice(name: str, default: str, allowed: set[str]) -> str:
    value = text(name) or default
    if value not in allowed:
        raise SettingError(name, f"must be one of {', '.join(sorted(allowed))}")
    return value


def email_config(name: str) -> dict[str, object]:
    """Django's EMAIL_* settings of a URL such as smtp+tls://user:password@host:587; empty when not set."""
    if not text(name):
        return {}
    try:
        return dict(environ.Env.email_url_config(text(name)))
    except (ValueError, KeyError, environ.ImproperlyConfigured) as error:
        raise SettingError(name, "must be smtp://, smtp+tls:// or smtp+ssl://user:password@host:port") from error


def words(name: str, default: str = "") -> list[str]:
    """A comma-separated list, without empty entries."""
    return [word.strip() for word in (text(name) or default).split(",") if word.strip()]


def per_second(name: str, default: str) -> int:
    """A rate as `5/second`."""

    def parse(value: str) -> int:
        match = re.fullmatch(r"([1-9][0-9]{0,5})/second", value)
        if match is None:
            raise ValueError(value)
        return int(match[1])

    return _read(name, default, parse, "a rate such as 5/second, from 1 to 999999")


def seconds_list(name: str, default: str) -> tuple[int, ...]:
    """Comma-separated whole seconds, each from 1 to 7 days, at most 30 of them."""

    def parse(value: str) -> tuple[int, ...]:
        numbers = tuple(int(part) for part in value.split(","))
        if len(numbers) > 30 or not all(1 <= number <= 604_800 for number in numbers):
            raise ValueError(value)
        return numbers

    return _read(name, default, parse, "up to 30 comma-separated whole seconds, each from 1 to 604800")


def origin_url(name: str, default: str) -> str:
    """scheme://host[:port] without a path."""

    def parse(value: str) -> str:
        parts = urlsplit(value.rstrip("/"))
        clean = parts.scheme in {"http", "https"} and parts.hostname and not (parts.path or parts.query or parts.username)
        if not clean or (parts.port is not None and not 1 <= parts.port <= 65535):
            raise ValueError(value)
        return f"{parts.scheme}://{parts.netloc}"

    return _read(name, default, parse, "an address such as https://push.example.com, without a path")


def networks(name: str, default: str) -> tuple[IPv4Network | IPv6Network, ...]:
    """IP networks, none wider than /8 (IPv6 /16): a wider one is a mistake that would open everything."""
    found = []
    for word in words(name) if is_set(name) else words(name, default):
        try:
            network = ip_network(word)
        except ValueError as error:
            raise SettingError(name, f"{word!r} is not a network such as 10.20.0.0/16") from error
        if network.prefixlen < (8 if network.version == 4 else 16):
            raise SettingError(name, f"{word} is wider than /8 (IPv6 /16)")
        found.append(network)
    return tuple(found)


def made_once(name: str, make: Callable[[], str]) -> str:
    """The variable, or a secret made once under var/ while no DATABASE_URL is set (a single machine).

    Raises:
        SettingError: DATABASE_URL is set and the secret is not: many processes must share it; or var/ cannot be written.
    """
    if value := text(name):
        return value
    if text("DATABASE_URL"):
        raise SettingError(name, "must be set when DATABASE_URL is set, the same for every process")
    path = VAR_DIR / name.lower()
    try:
        if not path.exists():
            VAR_DIR.mkdir(mode=0o700, exist_ok=True)
            _keep(path, make())
        return path.read_text().strip()
    except OSError as error:
        raise SettingError(name, f"cannot be kept in {path}: {error.strerror}") from error


def _keep(path: Path, secret: str) -> None:
    """Whole or not at all, and by one process only: another one that starts now reads the first one's."""
    with tempfile.NamedTemporaryFile("w", dir=path.parent) as draft:  # readable by its owner only
        draft.write(secret)
        draft.flush()
        with suppress(FileExistsError):
            os.link(draft.name, path)


def random_secret() -> str:
    return secrets.token_urlsafe(50)
