"""A real PostgreSQL server for tests, from Debian's `postgresql` package."""

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.parse import quote

import psycopg2

from tests.support.wait import wait_until

SUPERUSER = "postgres"
PASSWORD = "super-secret"
START_SECONDS = 30.0
SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "fsync": "off",
    "full_page_writes": "off",
    "shared_buffers": "16MB",
    "max_connections": "60",
    "log_min_messages": "fatal",
}


class PostgresMissingError(Exception):
    """The server programs are not installed; the message says how to get them."""


def programs() -> Path:
    """Return the directory of `initdb` and `postgres`; raise PostgresMissingError without."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"))
    if found:
        return found[-1].parent
    on_path = shutil.which("postgres")
    if on_path:
        return Path(on_path).resolve().parent
    raise PostgresMissingError(
        "PostgreSQL's server programs are missing: apt-get install postgresql"
    )


def free_port() -> int:
    """Return a TCP port of 127.0.0.1 that nobody uses at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def as_server_user(*argv: str) -> list[str]:
    """Return `argv` run as user postgres if we are root, ended with us in any case."""
    identity = ["--reuid=postgres", "--regid=postgres", "--clear-groups"]
    return ["setpriv", "--pdeathsig", "INT", *(identity if os.geteuid() == 0 else []), *argv]


@contextmanager
def server_directory() -> Iterator[Path]:
    """Yield a temporary directory that user postgres owns (pytest's own are closed to it)."""
    with tempfile.TemporaryDirectory(prefix="edgepaas-pg-", ignore_cleanup_errors=True) as name:
        if os.geteuid() == 0:
            shutil.chown(name, SUPERUSER, SUPERUSER)
        yield Path(name)


def make_cluster(directory: Path) -> Path:
    """Run initdb below `directory` and return the data directory."""
    data = directory / "data"
    secret = directory / "password"
    secret.write_text(PASSWORD)
    secret.chmod(0o644)
    subprocess.run(
        as_server_user(
            str(programs() / "initdb"),
            f"--pgdata={data}",
            f"--username={SUPERUSER}",
            f"--pwfile={secret}",
            "--auth=scram-sha-256",
            "--encoding=UTF8",
            "--locale=C.UTF-8",
            "--no-sync",
        ),
        check=True,
        capture_output=True,
        cwd=directory,
    )
    return data


class PostgresServer:
    """One PostgreSQL server on 127.0.0.1 with its own data directory, port and settings.

    It is made stopped. `start`, `stop`, `kill`, `pause` and `resume` may be called at any time.
    """

    host = "127.0.0.1"

    def __init__(self, directory: Path, data: Path, **settings: str) -> None:
        self.directory = directory
        self.data = data
        self.port = free_port()
        self.settings = {**SETTINGS, **settings}
        self._process: subprocess.Popen[bytes] | None = None

    def launch(self) -> None:
        """Start the server without waiting until it answers."""
        options = {**self.settings, "unix_socket_directories": str(self.directory)}
        argv = [str(programs() / "postgres"), "-D", str(self.data), "-p", str(self.port)]
        for name, value in options.items():
            argv += ["-c", f"{name}={value}"]
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                as_server_user(*argv), stdout=log, stderr=log, cwd=self.directory
            )

    def start(self) -> None:
        """Start the server and wait until it answers; do nothing if it already runs."""
        if self.running:
            return
        self.launch()
        wait_until(self._answers, START_SECONDS, f"PostgreSQL on port {self.port}")

    def stop(self) -> None:
        """Stop the server at once and cleanly, whatever is connected; wait for its end."""
        self.resume()
        self._end(signal.SIGINT)

    def kill(self) -> None:
        """Kill the server like a crash; its children notice and follow."""
        self._end(signal.SIGKILL)
        wait_until(lambda: not self._children(), START_SECONDS, "the backends' end")

    def begin_shutdown(self) -> None:
        """Refuse new connections but let the open ones finish (a "smart" shutdown)."""
        self._signal(signal.SIGTERM)

    def pause(self) -> None:
        """Freeze the server and every backend; the kernel still accepts connections."""
        self._signal_all(signal.SIGSTOP)

    def resume(self) -> None:
        """Undo `pause`."""
        self._signal_all(signal.SIGCONT)

    @property
    def running(self) -> bool:
        """Whether the server process is alive."""
        return self._process is not None and self._process.poll() is None

    @property
    def log(self) -> Path:
        """The file of the server's own log."""
        return self.directory / f"server-{self.port}.log"

    def url(
        self,
        database: str = "postgres",
        *,
        user: str = SUPERUSER,
        password: str | None = PASSWORD,
        scheme: str = "postgresql+psycopg2",
        query: str = "",
    ) -> str:
        """Return a URL of `database`, with user and password percent-encoded."""
        secret = "" if password is None else ":" + quote(password, safe="")
        where = f"{quote(user, safe='')}{secret}@{self.host}:{self.port}"
        return f"{scheme}://{where}/{quote(database, safe='')}{'?' + query if query else ''}"

    def execute(self, sql: str, *values: object, database: str = "postgres") -> list[Any]:
        """Run one statement as superuser in its own connection; return its rows, if any."""
        connection = self.connect(database)
        try:
            with connection.cursor() as cursor:
                cursor.execute(sql, values or None)
                return cursor.fetchall() if cursor.description else []
        finally:
            connection.close()

    def connect(self, database: str = "postgres") -> Any:
        """Return an autocommit psycopg2 connection of the superuser; the caller closes it."""
        connection = psycopg2.connect(
            host=self.host, port=self.port, user=SUPERUSER, password=PASSWORD, dbname=database
        )
        connection.autocommit = True
        return connection

    def new_database(self) -> str:
        """Create an empty database and return its name."""
        name = f"test_{uuid.uuid4().hex[:12]}"
        self.execute(f"CREATE DATABASE {name} STRATEGY file_copy")
        return name

    def drop_database(self, name: str) -> None:
        """Drop the database and whoever is connected to it."""
        self.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")

    def _answers(self) -> bool:
        if not self.running:
            raise AssertionError(f"PostgreSQL ended: {self.log.read_text(errors='replace')}")
        try:
            self.connect().close()
        except psycopg2.OperationalError:
            return False
        return True

    def _end(self, number: signal.Signals) -> None:
        if self._process is None:
            return
        self._signal(number)
        self._process.wait(START_SECONDS)
        self._process = None

    def _signal(self, number: signal.Signals) -> None:
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(number)

    def _signal_all(self, number: signal.Signals) -> None:
        for pid in self._children():
            with suppress(ProcessLookupError):
                os.kill(pid, number)
        self._signal(number)

    def _children(self) -> list[int]:
        """Return the pids of all processes whose working directory is our data directory."""
        own = None if self._process is None else self._process.pid
        return [pid for pid in _pids_in(self.data) if pid != own]


def _pids_in(directory: Path) -> Iterator[int]:
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            if (entry / "cwd").readlink() == directory:
                yield int(entry.name)
        except OSError:
            continue
