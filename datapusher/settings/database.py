"""SQLite under var/ by default, PostgreSQL by DATABASE_URL."""

from typing import Any

import environ

from datapusher.settings import env

DATABASE_URL = env.text("DATABASE_URL")


def _postgresql(url: str) -> dict[str, Any]:
    if not url.startswith(("postgresql://", "postgres://")):  # environ would print the others, password and all
        raise env.SettingError(
            "DATABASE_URL", "must be postgresql://user:password@host:port/name; no other database is supported"
        )
    try:
        config: dict[str, Any] = environ.Env.db_url_config(url)
    except (ValueError, environ.ImproperlyConfigured) as error:
        raise env.SettingError("DATABASE_URL", "must be postgresql://user:password@host:port/name") from error
    if not config.get("NAME"):
        raise env.SettingError("DATABASE_URL", "must be postgresql://user:password@host:port/name")
    config["OPTIONS"] = {
        **config.get("OPTIONS", {}),
        "connect_timeout": 2,  # seconds; a post is answered 503 within 2.5 s
        # Only what asks for it is prepared (apps/common/rows.py): elsewhere the plan should know the values.
        "prepare_threshold": 2**31,
        "server_side_binding": True,  # bodies travel binary: 2.5 times as quick as literals, half the memory
        # 200 requests at once under Daphne open 200 connections without a pool, and half of them fail.
        # After an outage it must not stand in a back-off of minutes: it gives up after a second, and whoever asks next,
        # or has waited 5 s, makes it try anew.
        "pool": {"min_size": 1, "max_size": 20, "timeout": 5, "reconnect_timeout": 1},
    }
    return config


def _sqlite() -> dict[str, Any]:
    return {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": env.var_file("DATABASE_URL", "datapusher.sqlite3"),
        "OPTIONS": {
            "transaction_mode": "IMMEDIATE",  # a deferred transaction that turns into a write fails at once
            "timeout": 10,  # seconds to wait for another writer
            # FULL: a commit is on the disk before we answer.
            "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;",
        },
    }


DATABASES = {"default": _postgresql(DATABASE_URL) if DATABASE_URL else _sqlite()}
