"""A real PostgreSQL and a real Valkey from PyPI wheels, for tests: no apt, no Docker, root or not.

`python -m tests.services -- COMMAND...` starts what DATABASE_URL and REDIS_URL don't name already, runs COMMAND with
both set (and with a throw-away SECRET_KEY and FIELD_ENCRYPTION_KEYS where there are none), stops what it started and
exits with COMMAND's code. Tests that kill and restart use the classes:

    with Postgres() as postgres, Valkey() as valkey:
        postgres.kill()      # SIGKILL, every process of it at once
        postgres.start()     # same data, same URL

A server does not outlive the process that started it: a watchdog ends it and removes its directory, even after SIGKILL.
"""

from tests.services.postgres import Postgres
from tests.services.server import Server, ServiceError
from tests.services.valkey import Valkey

__all__ = ["Postgres", "Server", "ServiceError", "Valkey"]
