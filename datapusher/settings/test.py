"""Settings of the tests: the same as the product's, but for what would make them slow or dependent on the machine."""

from ipaddress import ip_network

from datapusher.settings import *
from datapusher.settings import env
from datapusher.settings.database import DATABASES

# Sign-in of the cast in each test: argon2 costs 50 ms, this one nothing.
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
DESTINATION_ALLOWED_NETWORKS = (ip_network("127.0.0.0/8"),)  # where the tests' receivers listen
DATABASES["default"]["OPTIONS"].pop("pool", None)  # a pool would hold the test database open
# A file: threads of one process cannot share an in-memory database without table locks.
DATABASES["default"].setdefault("TEST", {})
if DATABASES["default"]["ENGINE"].endswith("sqlite3"):
    DATABASES["default"]["TEST"]["NAME"] = env.VAR_DIR / "test.sqlite3"
