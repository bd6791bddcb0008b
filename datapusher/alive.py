"""`python -m datapusher.alive`: ends with 0 when the process beside it answers /health/live/. For a container's health check.

A web process answers on PORT, a worker on METRICS_PORT. Any answer shows that it lives: it may be a redirect to https, or 400
where ALLOWED_HOSTS has no 127.0.0.1.
"""

import http.client
import os
import sys

_PATH = "/health/live/"
_PATIENCE_S = 2


def answers(port: str) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", int(port), timeout=_PATIENCE_S)
    try:
        connection.request("GET", _PATH)
        return connection.getresponse().status < 500
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def main() -> int:
    ports = [port for name in ("PORT", "METRICS_PORT") if (port := os.environ.get(name, "").strip()).isdecimal()]
    return 0 if any(map(answers, ports or ["8000"])) else 1


if __name__ == "__main__":
    sys.exit(main())
