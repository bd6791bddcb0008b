"""The product's settings, for processes that a test starts and kills: a database of its own, and shorter leases."""

import os
from pathlib import Path

from datapusher.settings import *
from datapusher.settings.database import DATABASE_URL, DATABASES

if not DATABASE_URL:
    DATABASES["default"]["NAME"] = Path(os.environ["TEST_DIRECTORY"]) / "datapusher.sqlite3"
# A test that waits for a dead worker's lease waits 5 s, not 45: the margins keep their proportion.
LEASE_MARGIN_S = 4
DIAL_MARGIN_S = 2
WORKER_STOP_S = float(os.environ.get("TEST_WORKER_STOP_S", WORKER_STOP_S))
REQUEST_HEAD_S = float(os.environ.get("TEST_REQUEST_HEAD_S", REQUEST_HEAD_S))
REQUEST_BODY_S = float(os.environ.get("TEST_REQUEST_BODY_S", REQUEST_BODY_S))
CONNECTIONS_MAX = int(os.environ.get("TEST_CONNECTIONS_MAX", CONNECTIONS_MAX))
