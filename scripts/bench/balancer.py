"""HAProxy before two containers, with nothing in its configuration that would hide a loss."""

from __future__ import annotations

import shutil
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from scripts import debian
from scripts.console import Failure

STOP_SECONDS = 20.0
CHECK_MILLISECONDS = 500
# No retries, no redispatch: what a server does not answer is an error the client sees.
CONFIGURATION = """\
global
    maxconn 1000
defaults
    mode http
    retries 0
    timeout connect 10s
    timeout client 60s
    timeout server 60s
    timeout tunnel 1h
    timeout check 10s
    option httpchk GET /readyz
    http-check expect status 200
    default-server inter {check}ms fall 2 rise 1
frontend app
    bind 127.0.0.1:{port}
    default_backend slots
backend slots
    balance roundrobin
{servers}
"""


class Server(NamedTuple):
    """Where a container serves, and where its sidecar tells whether it is ready."""

    port: int
    management: int


@contextmanager
def balancing(port: int, servers: Sequence[Server], folder: Path) -> Iterator[None]:
    """Run HAProxy on 127.0.0.1:`port` for the length of the block. Raises Failure."""
    path = haproxy()
    lines = [
        f"    server s{number} 127.0.0.1:{each.port} check port {each.management}"
        for number, each in enumerate(servers)
    ]
    config = folder / "haproxy.cfg"
    text = CONFIGURATION.format(check=CHECK_MILLISECONDS, port=port, servers="\n".join(lines))
    config.write_text(text, encoding="utf-8")
    with (
        (folder / "haproxy.log").open("wb") as log,
        subprocess.Popen([path, "-db", "-f", str(config)], stdout=log, stderr=log) as process,
    ):
        try:
            time.sleep(2 * CHECK_MILLISECONDS / 1000)
            yield
        finally:
            process.kill()
            process.wait(STOP_SECONDS)


def haproxy() -> str:
    """Return the path of HAProxy, installed if need be. Raises Failure."""
    places = "/usr/sbin:/usr/local/sbin"
    if not (shutil.which("haproxy") or shutil.which("haproxy", path=places)):
        debian.install(["haproxy"], "the proxy of the bench")
    found = shutil.which("haproxy") or shutil.which("haproxy", path=places)
    if not found:
        raise Failure("haproxy is not installed; install Debian's package haproxy")
    return found
