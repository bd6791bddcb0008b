"""`python -m datapusher.web`: the Procfile's web. uvicorn on HOST and PORT.

uvicorn drains at SIGTERM and then ends by the signal, as if it had been killed. Whoever asked it to stop gets code 0 here.
"""

import logging
import os
import signal
import sys

import django
import uvicorn
from django.conf import settings

logger = logging.getLogger(__name__)

# Seconds that requests under way have to end: below the 30 s after which supervisors kill.
_DRAIN_S = 25
# Bytes of a frame from a browser; ours are refused above 4 KiB, a library's own default is 16 MiB.
_FRAME_MAX = 65_536
# Seconds between two questions whether a browser is there, and for its answer. With those that it then has to read what was
# written last (`protocol.py`) they are below the 35 within which a reader that stands still is let go.
_PING_S = 14


def serve() -> None:
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: sys.exit(0))  # whom uvicorn hands the signal back to, once it has drained
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "datapusher.settings")
    django.setup()
    if settings.ACCOUNT_EMAIL_VERIFICATION == "none":
        logger.warning("EMAIL_URL is not set: e-mails are printed here, and e-mail addresses count as verified")
    uvicorn.run(
        "datapusher.asgi:application",
        host=settings.HOST,
        port=settings.PORT,
        http="datapusher.protocol:HttpProtocol",  # imported once the settings are there
        ws="datapusher.protocol:SocketProtocol",
        ws_max_size=_FRAME_MAX,
        ws_ping_interval=_PING_S,
        ws_ping_timeout=_PING_S,
        # A frame is made once for all that show it; compressed it would be made for each, at 50 to 100 µs and 32 KiB of memory.
        ws_per_message_deflate=False,
        log_config=None,  # Django has set up ours
        access_log=False,  # ours is one JSON line a request
        server_header=False,
        proxy_headers=False,  # consumers/proxies.py believes those of TRUSTED_PROXIES; uvicorn's own would believe 127.0.0.1
        timeout_graceful_shutdown=_DRAIN_S,
    )


if __name__ == "__main__":
    serve()
