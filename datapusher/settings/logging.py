"""JSON lines on standard output. Never a secret, a payload or an e-mail."""

from typing import Any

import structlog

_shared = [
    structlog.stdlib.add_logger_name,
    structlog.stdlib.add_log_level,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
    structlog.stdlib.ExtraAdder(),
]

LOGGING: dict[str, Any] = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "json": {
            "()": "datapusher.json_lines.JsonLines",
            "foreign_pre_chain": _shared,
            "processors": [
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.format_exc_info,
                structlog.processors.JSONRenderer(),
            ],
        }
    },
    "handlers": {"stdout": {"class": "logging.StreamHandler", "stream": "ext://sys.stdout", "formatter": "json"}},
    "root": {"handlers": ["stdout"], "level": "INFO"},
    "loggers": {
        # One line a request is ours (consumers/access.py); these would add a second one.
        "django.request": {"level": "ERROR"},
        "django.channels.server": {"level": "ERROR"},
        "daphne": {"level": "WARNING"},
        "psycopg.pool": {"level": "ERROR"},  # whoever asked for the connection says it, once
        "uvicorn": {"level": "WARNING"},
        "django.server": {"level": "ERROR"},
    },
}
