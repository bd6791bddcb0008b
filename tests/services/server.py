"""One server process: start, stop, kill, freeze, and a watchdog for the case that nobody stops it."""

import importlib.util
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import ClassVar, Self

import psutil
import psycopg
import redis

START_SECONDS = 30.0  # a cold disk and two busy cores: PostgreSQL has taken 5 s, initdb apart
STOP_SECONDS = 10.0
POLL_SECONDS = 0.02

# Reads until the parent's end of the pipe closes, however the parent ended.
WATCHDOG = """
cat >/dev/null
if [ -f "$0/pid" ]; then kill -CONT "$(cat "$0/pid")"; kill "-$1" "$(cat "$0/pid")"; sleep 1; fi
rm -rf "$0"
"""


class ServiceError(RuntimeError):
    """A server did not start; the text ends with the tail of its log."""


class Server:
    """One server process in a directory of its own: a new temporary one, or the given one."""

    name: ClassVar[str]
    stop_signal: ClassVar[signal.Signals]
    abort_signal: ClassVar[str]  # what the watchdog sends: ends at once and leaves no shared memory behind

    def __init__(self, directory: Path | None = None) -> None:
        self.directory = directory or Path(tempfile.mkdtemp(prefix=f"{self.name}-"))
        self.directory.chmod(0o755)
        self.log = self.directory / "log"
        self._user: int | None = None  # whom it runs as; None: whoever runs the tests
        self._group: int | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._watchdog: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        raise NotImplementedError

    def _command(self) -> Sequence[str]:
        raise NotImplementedError

    def _ping(self) -> None:
        """Raises while the server can't answer."""
        raise NotImplementedError

    @property
    def pid(self) -> int:
        if self._process is None:
            raise ServiceError(f"{self.name} is not running")
        return self._process.pid

    def start(self) -> None:
        """Starts it and waits until it answers; after `kill()` or `stop()` with the same data and URL."""
        self._watch()
        deadline = time.monotonic() + START_SECONDS
        while True:
            self._launch()
            if self._answers(deadline):
                return
            if time.monotonic() > deadline:
                tail = self.log.read_text(errors="replace")[-2000:]
                self.close()
                raise ServiceError(f"{self.name} did not start in {START_SECONDS:.0f} s:\n{tail}")
            time.sleep(POLL_SECONDS)  # it exited: shared memory or a port of the killed one may be in use for a moment

    def stop(self) -> None:
        """The orderly way; clients are disconnected. Data and directory stay until `close()`."""
        if self._process is None:
            return
        self.thaw()
        self._process.send_signal(self.stop_signal)
        try:
            self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.kill()
        self._forget()

    def kill(self) -> None:
        """SIGKILL to it and all its children, as an out-of-memory killer or a power cut would."""
        if self._process is None:
            return
        for each in self._family():
            with suppress(psutil.NoSuchProcess):
                each.kill()
        self._process.wait(STOP_SECONDS)
        self._forget()

    def restart(self) -> None:
        self.stop()
        self.start()

    def freeze(self) -> None:
        """SIGSTOP: connections stay open and nobody answers."""
        for each in self._family():
            with suppress(psutil.NoSuchProcess):
                each.suspend()

    def thaw(self) -> None:
        for each in self._family():
            with suppress(psutil.NoSuchProcess):
                each.resume()

    def close(self) -> None:
        """Stops it and removes its directory."""
        self.stop()
        shutil.rmtree(self.directory, ignore_errors=True)
        if self._watchdog is not None and self._watchdog.stdin is not None:
            self._watchdog.stdin.close()
            self._watchdog.wait(STOP_SECONDS)
            self._watchdog = None

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _spawn(self, command: Sequence[str]) -> subprocess.Popen[bytes]:
        with self.log.open("ab") as log:
            return subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd="/",
                user=self._user,
                group=self._group,
                extra_groups=None if self._group is None else [],
                start_new_session=True,  # Ctrl-C is for the command under test, not for its database
            )

    def _launch(self) -> None:
        self._process = self._spawn(self._command())
        (self.directory / "pid").write_text(f"{self._process.pid}\n")

    def _forget(self) -> None:
        self._process = None
        (self.directory / "pid").unlink(missing_ok=True)

    def _program(self, package: str, folder: str) -> Path:
        """A folder of an installed package, found without importing it: the imports patch and lock things. For
        another user a copy, where nobody else may enter the home that holds the virtual environment.
        """
        spec = importlib.util.find_spec(package)
        if spec is None or spec.origin is None:
            raise ServiceError(f"{package} is not installed; run: make setup")
        installed = Path(spec.origin).parent / folder
        if self._user is None or all(each.stat().st_mode & 0o005 == 0o005 for each in installed.parents):
            return installed
        copy = self.directory / "program" / package / folder
        if not copy.exists():
            shutil.copytree(installed, copy, symlinks=True)
            libraries = installed.parents[1] / f"{package}.libs"  # where the wheel's programs look for theirs
            if libraries.exists():
                shutil.copytree(libraries, self.directory / "program" / libraries.name)
        return copy

    def _answers(self, deadline: float) -> bool:
        while self._process is not None and self._process.poll() is None and time.monotonic() < deadline:
            with suppress(psycopg.OperationalError, redis.RedisError):
                self._ping()
                return True
            time.sleep(POLL_SECONDS)
        return False

    def _family(self) -> list[psutil.Process]:
        try:
            head = psutil.Process(self.pid)
            return [head, *head.children(recursive=True)]
        except (psutil.NoSuchProcess, ServiceError):
            return []

    def _watch(self) -> None:
        if self._watchdog is None:
            self._watchdog = subprocess.Popen(
                ["/bin/sh", "-c", WATCHDOG, str(self.directory), self.abort_signal],
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
            )
