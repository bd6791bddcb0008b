"""A sender and a receiver that leave the two cores to what is measured: wrk and nginx."""

import json
import os
import shutil
import subprocess
import sys
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from tests.integration.product import free_port

_POSTS = Path(__file__).with_name("posts.lua")
_NGINX = """
daemon off; master_process off; pid {directory}/nginx.pid; error_log {directory}/nginx.log warn;
events {{ worker_connections 4096; }}
http {{
  access_log off; keepalive_requests 100000000; keepalive_timeout 600s; client_body_temp_path {directory}/body;
  proxy_temp_path {directory}; fastcgi_temp_path {directory}; uwsgi_temp_path {directory}; scgi_temp_path {directory};
  server {{
    listen 127.0.0.1:{port} backlog=4096;
    location / {{ return 204; }}
    location = /count {{ stub_status; }}
  }}
}}
"""


def programs() -> None:
    """Ends with one line when a program is missing."""
    if missing := [name for name in ("wrk", "nginx") if shutil.which(name) is None]:
        sys.exit(f"make bench needs {' and '.join(missing)}: apt-get install wrk nginx-light")


@dataclass(frozen=True)
class Posted:
    answers: int
    seconds: float
    refused: int
    """Answers of 400 and above."""
    broken: int
    p50: float
    p99: float
    """Milliseconds, as the sender saw them with all its connections busy."""

    @property
    def accepted(self) -> int:
        return self.answers - self.refused

    @property
    def rate(self) -> float:
        return self.accepted / self.seconds


# Of the sender, of 1,000 accounts. With 64 less gathers into a batch, and both product and yardstick are slower.
CONNECTIONS = 256


def post(url: str, path: str, tokens: Path, run: str, *, seconds: float, connections: int = CONNECTIONS) -> Posted:
    """As many posts as it takes, for so long."""
    command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds:.0f}s", "--timeout", "10s", "-s", str(_POSTS), url]
    environment = os.environ | {"TOKENS": str(tokens), "RUN": run, "PATH_OF_POSTS": path}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    return Posted(**json.loads(done.stdout.partition("RESULT ")[2]))


class Receiver:
    """nginx, which answers 204 and counts."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}/hook"

    def __enter__(self) -> Self:
        self.directory.mkdir()
        config = self.directory / "nginx.conf"
        config.write_text(_NGINX.format(directory=self.directory, port=self.port))
        self._process = subprocess.Popen(["nginx", "-c", str(config), "-e", str(self.directory / "nginx.log")])
        self._asked = 0
        return self

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.wait(10)

    def count(self) -> int:
        """Requests so far, without those that ask for it."""
        self._asked += 1
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/count", timeout=10) as answer:
            return int(answer.read().split(b"\n")[2].split()[2]) - self._asked
