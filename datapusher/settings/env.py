"""Reads the environment (and `.env` beside manage.py). Every reader raises SettingError, which names the setting."""

import os
import re
import secrets
import tempfile
from collections.abc import Callable
from contextlib import suppress
from email.utils import parseaddr
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from pathlib import Path
from typing import Any, TypeVar
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
    return _read(name, str(default), lambda value: _whole(value, low, high), f"a whole number from {low} to {high}")


def _whole(value: str, low: int, high: int) -> int:
    """int() alone also takes 8_000, +8000 and digits of other scripts."""
    if not re.fullmatch(r"[0-9]{1,10}", value) or not low <= int(value) <= high:
        raise ValueError(value)
    return int(value)


def choice(name: str, default: str, allowed: set[str]) -> str:
    value = text(name) or default
    if value not in allowed:
        raise SettingError(name, f"must be one of {', '.join(sorted(allowed))}")
    return value


def mailer(name: str, default: str, *, timeout_s: int) -> dict[str, Any]:
    """An entry of Django's MAILERS for a URL such as smtp+tls://user:password@host:587; when not set, the `default` backend."""
    if not text(name):
        return {"BACKEND": default, "OPTIONS": {}}
    try:
        config = dict(environ.Env.email_url_config(text(name)))
        if "smtp" not in config["EMAIL_BACKEND"]:
            return {"BACKEND": config["EMAIL_BACKEND"], "OPTIONS": {}}
        if not config.get("EMAIL_HOST"):
            raise ValueError("no host")
    except (ValueError, KeyError, environ.ImproperlyConfigured) as error:
        raise SettingError(name, "must be smtp://, smtp+tls:// or smtp+ssl://user:password@host:port") from error
    options = {
        "host": config["EMAIL_HOST"],
        "port": config["EMAIL_PORT"] or 25,
        "username": config["EMAIL_HOST_USER"] or "",
        "password": config["EMAIL_HOST_PASSWORD"] or "",
        "use_tls": bool(config.get("EMAIL_USE_TLS")),
        "use_ssl": bool(config.get("EMAIL_USE_SSL")),
        "timeout": timeout_s,
    }
    return {"BACKEND": config["EMAIL_BACKEND"], "OPTIONS": options}


def words(name: str, default: str = "") -> list[str]:
    """A comma-separated list, without empty entries."""
    return [word.strip() for word in (text(name) or default).split(",") if word.strip()]


def per_second(name: str, default: str) -> int:
    """A rate as `5/second`."""
    return _rate(name, default, "second")


def per_minute(name: str, default: str) -> int:
    """A rate as `6000/minute`."""
    return _rate(name, default, "minute")


def _rate(name: str, default: str, unit: str) -> int:
    def parse(value: str) -> int:
        match = re.fullmatch(rf"([1-9][0-9]{{0,5}})/{unit}", value)
        if match is None:
            raise ValueError(value)
        return int(match[1])

    return _read(name, default, parse, f"a rate such as {default}, from 1 to 999999")


def seconds_list(name: str, default: str) -> tuple[int, ...]:
    """Comma-separated whole seconds, each from 1 to 7 days, at most 30 of them."""

    def parse(value: str) -> tuple[int, ...]:
        numbers = tuple(_whole(part.strip(), 1, 604_800) for part in value.split(","))
        if len(numbers) > 30:
            raise ValueError(value)
        return numbers

    return _read(name, default, parse, "up to 30 comma-separated whole seconds, each from 1 to 604800")


def origin_url(name: str, default: str) -> str:
    """scheme://host[:port] without a path, spelled as a browser's Origin: lower case, no default port."""
    return _read(name, default, _origin, "an address such as https://push.example.com, without a path")


def origins(name: str) -> list[str]:
    """Comma-separated origins, each as `origin_url`; no pattern, and no `*`."""
    wanted = "comma-separated origins such as https://app.example.com, without paths and without *"
    return _read(name, "", lambda _: [_origin(word) for word in words(name)], wanted)


def _origin(value: str) -> str:
    parts = urlsplit(value.rstrip("/"))
    beside = parts.path or parts.query or parts.fragment or "@" in parts.netloc or "\\" in parts.netloc
    if parts.scheme not in {"http", "https"} or beside or not is_host(parts.hostname or "") or parts.port == 0:
        raise ValueError(value)
    host = f"[{parts.hostname}]" if ":" in str(parts.hostname) else parts.hostname
    usual = {"http": 80, "https": 443}[parts.scheme]
    return f"{parts.scheme}://{host}" if parts.port in {None, usual} else f"{parts.scheme}://{host}:{parts.port}"


def http_url(name: str) -> str:
    """http(s)://host[:port][/path]; empty when not set."""

    def parse(value: str) -> str:
        parts = urlsplit(value)
        known = parts.scheme in {"http", "https"} and is_host(parts.hostname or "") and parts.port != 0
        if value and (not known or parts.query or parts.fragment or "@" in parts.netloc or "\\" in value):
            raise ValueError(value)
        return value

    return _read(name, "", parse, "an address such as http://collector:4318")


def is_host(value: str) -> bool:
    """A host name, or an IP address (IPv6 without brackets)."""
    return _is_address(value) or re.fullmatch(r"[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*\.?", value) is not None


def _is_address(value: str) -> bool:
    with suppress(ValueError):
        ip_address(value)
        return True
    return False


def host(name: str, default: str) -> str:
    """Where to listen: a host name or an IP address."""
    value = text(name) or default
    if not is_host(value):
        raise SettingError(name, "must be a host name or an IP address such as 127.0.0.1 or ::1")
    return value


def hosts(name: str, default: str) -> list[str]:
    """Django's ALLOWED_HOSTS: names, `.example.com` with all below it, IPv6 in brackets, or `*`; no schemes, no ports."""
    found = words(name, default)
    for word in found:
        bracketed = word.startswith("[") and word.endswith("]") and _is_address(word[1:-1])
        if not (word == "*" or bracketed or (":" not in word and is_host(word.removeprefix(".")))):
            raise SettingError(name, f"{word!r} is not a host such as push.example.com, .example.com or [::1]")
    return found


def mail_address(name: str, default: str) -> str:
    """`name@host` or `Name <name@host>`, on one line."""
    value = text(name) or default
    if not value.isprintable() or not re.fullmatch(r"[^@\s]+@[^@\s]+", parseaddr(value)[1]):
        raise SettingError(name, "must be an e-mail address such as datapusher@example.com")
    return value


def bearer(name: str) -> str:
    """A token as it stands in a header: visible ASCII characters; empty when not set."""

    def parse(value: str) -> str:
        if not re.fullmatch(r"[\x21-\x7e]{0,512}", value):
            raise ValueError(name)
        return value

    return _read(name, "", parse, "at most 512 visible ASCII characters, without spaces")


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


def var_file(name: str, file: str) -> Path:
    """A file under var/, which is made. `name` is the setting that would make do without it."""
    try:
        VAR_DIR.mkdir(mode=0o700, exist_ok=True)
    except OSError as error:
        raise SettingError(name, f"is not set, and {VAR_DIR} cannot be made: {error.strerror}") from error
    return VAR_DIR / file


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
        kept = path.read_text(encoding="ascii", errors="replace").strip()
    except OSError as error:
        raise SettingError(name, f"cannot be kept in {path}: {error.strerror}") from error
    if not kept:
        raise SettingError(name, f"{path} is empty; restore it from a backup, or remove it to get a new one")
    return kept


def _keep(path: Path, secret: str) -> None:
    """Whole or not at all, and by one process only: another one that starts now reads the first one's."""
    with tempfile.NamedTemporaryFile("w", dir=path.parent) as draft:  # readable by its owner only
        draft.write(secret)
        draft.flush()
        with suppress(FileExistsError):
            os.link(draft.name, path)


def random_secret() -> str:
    return secrets.token_urlsafe(50)
