"""A real pgbouncer before a PostgreSQL server, from Debian's `pgbouncer` package."""

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

import psycopg2

from tests.support.postgres import (
    PASSWORD,
    SUPERUSER,
    PostgresServer,
    as_server_user,
    free_port,
    server_directory,
)
from tests.support.skip import skip_or_fail
from tests.support.wait import wait_until

PROGRAM = "/usr/sbin/pgbouncer"
START_SECONDS = 20.0


class Pgbouncer:
    """One pgbouncer on 127.0.0.1; `url` is the database's through it."""

    def __init__(self, port: int) -> None:
        self.port = port

    def url(self, database: str) -> str:
        """Return a URL of `database` through the pooler."""
        secret = quote(PASSWORD, safe="")
        return f"postgresql+psycopg2://{SUPERUSER}:{secret}@127.0.0.1:{self.port}/{database}"

    def answers(self) -> bool:
        """Tell whether it takes connections; its own console needs no server."""
        try:
            psycopg2.connect(self.url("pgbouncer").replace("+psycopg2", "")).close()
        except psycopg2.OperationalError:
            return False
        return True


@contextmanager
def pgbouncer(server: PostgresServer, pool_mode: str, pool_size: int = 5) -> Iterator[Pgbouncer]:
    """Run a pgbouncer before `server` for the length of the block; skip where it is missing."""
    if not Path(PROGRAM).exists():
        skip_or_fail("pgbouncer is missing: apt-get install pgbouncer")
    with server_directory() as directory:
        pooler = Pgbouncer(free_port())
        _write(directory, server, pooler.port, pool_mode, pool_size)
        process = subprocess.Popen(
            as_server_user(PROGRAM, "--quiet", str(directory / "pgbouncer.ini")),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            wait_until(pooler.answers, START_SECONDS, "pgbouncer")
            yield pooler
        finally:
            process.terminate()
            process.wait(START_SECONDS)


def _write(
    directory: Path, server: PostgresServer, port: int, pool_mode: str, pool_size: int
) -> None:
    users = directory / "users"
    users.write_text(f'"{SUPERUSER}" "{PASSWORD}"\n')
    settings = {
        "listen_addr": "127.0.0.1",
        "listen_port": port,
        "unix_socket_dir": "",
        "auth_type": "plain",
        "auth_file": users,
        "admin_users": SUPERUSER,
        "pool_mode": pool_mode,
        "default_pool_size": pool_size,
        "ignore_startup_parameters": "extra_float_digits",
    }
    lines = [
        "[databases]",
        f"* = host={server.host} port={server.port}",
        "[pgbouncer]",
        *(f"{name} = {value}" for name, value in settings.items()),
    ]
    file = directory / "pgbouncer.ini"
    file.write_text("\n".join(lines) + "\n")
    for path in (users, file):
        shutil.chown(path, *_owner(directory))


def _owner(directory: Path) -> tuple[int, int]:
    status = directory.stat()
    return status.st_uid, status.st_gid
