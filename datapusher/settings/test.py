"""Settings of the tests: the same as the product's, but for what would make them slow or dependent on the machine."""

import os
from ipaddress import ip_network

from datapusher.settings import *
from datapusher.settings import env
from datapusher.settings.caching import CACHES
from datapusher.settings.database import DATABASES

# Sign-in of the cast in each test: argon2 costs 50 ms, this one nothing.
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
# Each test client makes the middleware anew, and this one then looks up every static file: 30 ms, for what no test asks.
MIDDLEWARE = [each for each in MIDDLEWARE if each != "apps.common.packing.StaticFiles"]
DESTINATION_ALLOWED_NETWORKS = (ip_network("127.0.0.0/8"),)  # where the tests' receivers listen
DATABASES["default"]["OPTIONS"].pop("pool", None)  # a pool would hold the test database open
# A file: threads of one process cannot share an in-memory database without table locks.
DATABASES["default"].setdefault("TEST", {})
if DATABASES["default"]["ENGINE"].endswith("sqlite3"):
    DATABASES["default"]["TEST"]["NAME"] = env.VAR_DIR / "test.sqlite3"
    # It is thrown away: no commit waits for the disk.
    DATABASES["default"]["OPTIONS"]["init_command"] = "PRAGMA journal_mode=WAL; PRAGMA synchronous=OFF;"
# Each test empties the cache: its own, not that of the tests which run beside it.
_BESIDE = os.environ.get("PYTEST_XDIST_WORKER", "")
CACHES["default"]["KEY_PREFIX"] = CACHES["default"].get("KEY_PREFIX", "") + _BESIDE
# And hears only its own rings.
if "prefix" in CHANNEL_LAYERS["default"]["CONFIG"]:
    CHANNEL_LAYERS["default"]["BACKEND"] = "tests.fakes.layer.OwnLayer"
    CHANNEL_LAYERS["default"]["CONFIG"]["prefix"] += _BESIDE
