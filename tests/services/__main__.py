"""`python -m tests.services [--fast] -- COMMAND...`: the command with a PostgreSQL and a Valkey around it."""

import base64
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from types import FrameType

from tests.services import Postgres, ServiceError, Valkey

# A database that is thrown away with the run need not survive a power cut; emptying it after each test takes a tenth then.
# The product refuses to start on it: tests that start the product start a durable one of their own.
FORGETFUL = {"fsync": "off", "full_page_writes": "off", "synchronous_commit": "off"}


def run(command: Sequence[str], *, fast: bool) -> int:
    """Runs the command with both servers around it and answers its exit code (128 + n when signal n ended it)."""
    with ExitStack() as stack:
        environment = dict(os.environ)
        if not environment.get("DATABASE_URL"):
            environment["DATABASE_URL"] = stack.enter_context(Postgres(settings=FORGETFUL if fast else None)).url
        if not environment.get("REDIS_URL"):
            environment["REDIS_URL"] = stack.enter_context(Valkey()).url
        for name in ("SECRET_KEY", "FIELD_ENCRYPTION_KEYS"):  # with DATABASE_URL the product wants them given
            environment.setdefault(name, base64.urlsafe_b64encode(os.urandom(32)).decode())
        try:
            child = subprocess.Popen(command, env=environment)
        except OSError as error:
            sys.stderr.write(f"tests.services: {command[0]}: {error.strerror}\n")
            return 127

        def pass_on(number: int, _: FrameType | None) -> None:
            child.send_signal(number)

        signal.signal(signal.SIGINT, lambda *_: None)  # Ctrl-C reaches the command by itself: wait for its end
        signal.signal(signal.SIGTERM, pass_on)
        signal.signal(signal.SIGHUP, pass_on)
        code = child.wait()
    return code if code >= 0 else 128 - code


def main(arguments: Sequence[str]) -> int:
    fast = arguments[:1] == ["--fast"]
    rest = arguments[1:] if fast else arguments
    if rest[:1] != ["--"] or len(rest) < 2:
        sys.stderr.write("usage: python -m tests.services [--fast] -- COMMAND...\n")
        return 2
    try:
        return run(rest[1:], fast=fast)
    except ServiceError as error:
        sys.stderr.write(f"tests.services: {error}\n")
        return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
