"""A PostgreSQL server of the bench's own, from Debian's packages, that containers reach."""

from __future__ import annotations

import ipaddress
import os
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from scripts import debian
from scripts.console import Failure
from scripts.engine import Engine

USER = "postgres"
START_SECONDS = 30.0
POLL_SECONDS = 0.05
# fsync is off: what is measured is who asks, not the disk.
SETTINGS = {"fsync": "off", "full_page_writes": "off", "max_connections": "200"}


class Server:
    """A server that runs. `host` and `port` are the same for containers and for this machine."""

    def __init__(self, folder: Path, host: str, port: int, password: str) -> None:
        self.folder = folder
        self.host = host
        self.port = port
        self.password = password

    def new_database(self, name: str) -> str:
        """Make an empty database; return its URL, for SQLAlchemy and psycopg2."""
        self.execute(f'CREATE DATABASE "{name}"')
        return f"postgresql+psycopg2://{USER}:{self.password}@{self.host}:{self.port}/{name}"

    def execute(self, sql: str, database: str = "postgres") -> str:
        """Return what a statement yields, a row a line, columns parted by `|`; raises Failure."""
        done = self._psql(database, "--command", sql)
        if done.returncode != 0:
            raise Failure(f"PostgreSQL refused `{sql}`: {done.stderr.strip()}")
        return done.stdout.strip()

    def answers(self) -> bool:
        """Tell whether it takes connections."""
        return self._psql("postgres", "--command", "SELECT 1").returncode == 0

    def _psql(self, database: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        command = [str(programs() / "psql"), "--no-psqlrc", "--quiet", "--tuples-only"]
        command += ["--no-align", f"--host={self.host}", f"--port={self.port}"]
        command += [f"--username={USER}", f"--dbname={database}", *arguments]
        environment = {**os.environ, "PGPASSWORD": self.password}
        return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


@contextmanager
def serving(docker: Engine) -> Iterator[Server]:
    """Run an empty server on the engine's bridge until the block ends; raises Failure."""
    host = gateway(docker)
    install()
    with tempfile.TemporaryDirectory(
        prefix="edgepaas-bench-pg-", ignore_cleanup_errors=True
    ) as name:
        folder = Path(name)
        if os.geteuid() == 0:
            shutil.chown(folder, USER, USER)
        server = Server(folder, host, free_port(host), secrets.token_hex(16))
        make_cluster(server)
        process = launch(server)
        try:
            wait_until_it_answers(server, process)
            yield server
        finally:
            process.send_signal(signal.SIGINT)  # ends it at once, whoever is connected
            process.wait()


def gateway(docker: Engine) -> str:
    """Return the address under which containers reach this machine; raises Failure.

    Docker 20.10 names a bridge's gateway only once it has been started a second time; before, it
    is the first address of the network.
    """
    form = "{{range .IPAM.Config}}{{.Gateway}} {{.Subnet}} {{end}}"
    told = docker.output("network", "inspect", "--format", form, "bridge").split()
    networks = [ipaddress.ip_network(each) for each in told if "/" in each]
    named = [each for each in told if "/" not in each]
    for address in (*named, *(str(each[1]) for each in networks)):
        try:
            free_port(address)
        except OSError:
            continue
        return address
    raise Failure(
        "the engine's bridge has no address on this machine (a rootless engine, or one in a"
        " virtual machine): containers cannot reach a PostgreSQL started here"
    )


def free_port(host: str) -> int:
    """Return a port of an address that nobody uses now; raises OSError."""
    with socket.create_server((host, 0)) as probe:
        port: int = probe.getsockname()[1]
        return port


def programs() -> Path:
    """Return the folder of the server's programs; raises Failure."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"))
    on_path = shutil.which("postgres")
    if found:
        return found[-1].parent
    if on_path:
        return Path(on_path).resolve().parent
    raise Failure("PostgreSQL's server programs are missing; install Debian's package postgresql")


def install() -> None:
    """Install the server where it is missing; raises Failure."""
    try:
        programs()
    except Failure:
        debian.install(["postgresql"], "the databases of the bench")


def make_cluster(server: Server) -> None:
    """Make the files of a server that whoever has the password may use; raises Failure."""
    secret = server.folder / "password"
    secret.write_text(server.password, encoding="ascii")
    secret.chmod(0o644)  # the folder itself is closed to others
    initdb = [str(programs() / "initdb"), f"--pgdata={server.folder}/data", f"--username={USER}"]
    initdb += [f"--pwfile={secret}", "--auth=scram-sha-256", "--encoding=UTF8"]
    initdb += ["--locale=C.UTF-8", "--no-sync"]
    done = subprocess.run(
        as_its_user(*initdb), cwd=server.folder, capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        raise Failure(f"PostgreSQL's files could not be made:\n{done.stderr[-2000:]}")
    access = server.folder / "data/pg_hba.conf"
    access.write_text("host all all all scram-sha-256\n", encoding="ascii")


def launch(server: Server) -> subprocess.Popen[bytes]:
    """Start the server; its log is in its folder."""
    command = [str(programs() / "postgres"), "-D", f"{server.folder}/data", "-p", str(server.port)]
    settings = {
        **SETTINGS,
        "listen_addresses": server.host,
        "unix_socket_directories": str(server.folder),
    }
    for name, value in settings.items():
        command += ["-c", f"{name}={value}"]
    with (server.folder / "log").open("wb") as log:
        return subprocess.Popen(as_its_user(*command), cwd=server.folder, stdout=log, stderr=log)


def as_its_user(*command: str) -> list[str]:
    """Return a command that runs as user postgres if we are root, and ends with us in any case."""
    identity = ["--reuid=postgres", "--regid=postgres", "--clear-groups"]
    return ["setpriv", "--pdeathsig=INT", *(identity if os.geteuid() == 0 else []), *command]


def wait_until_it_answers(server: Server, process: subprocess.Popen[bytes]) -> None:
    """Wait until the server takes connections; raises Failure with the end of its log."""
    deadline = time.monotonic() + START_SECONDS
    while not server.answers():
        if process.poll() is not None or time.monotonic() > deadline:
            log = (server.folder / "log").read_text(encoding="utf-8", errors="replace")
            raise Failure(f"PostgreSQL did not start:\n{log[-2000:]}")
        time.sleep(POLL_SECONDS)
