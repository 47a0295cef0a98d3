"""What runs and listens in a container, read from within."""

import ipaddress
import re
from typing import NamedTuple

from tests.support.container import Container

LISTENS = "0A"  # the state in /proc/net/tcp


class Process(NamedTuple):
    """One process of a container."""

    pid: int
    parent: int
    uid: int
    gid: int
    state: str
    command: str


class Endpoint(NamedTuple):
    """Where somebody listens."""

    address: str
    port: int


def processes(container: Container) -> dict[int, Process]:
    """Return PID 1 and all that descends from it, by pid: not what was exec'd beside it."""
    listing = container.check_output("ps", "-eo", "pid=,ppid=,uid=,gid=,stat=,args=", "-ww")
    found = {each.pid: each for each in map(_process, listing.splitlines())}
    return {pid: each for pid, each in found.items() if _is_of_pid_1(each, found)}


def _is_of_pid_1(process: Process, found: dict[int, Process]) -> bool:
    while process.parent in found:
        process = found[process.parent]
    return process.pid == 1


def _process(line: str) -> Process:
    pid, parent, uid, gid, state, command = line.split(maxsplit=5)
    return Process(int(pid), int(parent), int(uid), int(gid), state, command)


def children(container: Container, parent: int) -> list[Process]:
    """Return the children of a process, oldest first."""
    return [each for each in processes(container).values() if each.parent == parent]


def pid_of(container: Container, unit: str) -> int:
    """Return the pid of a unit that runs, by the boot report."""
    pids = {each["name"]: each["pid"] for each in container.boot()["units"]}
    return int(pids[unit])


def workers(container: Container) -> list[int]:
    """Return the pids of gunicorn's workers."""
    return [each.pid for each in children(container, pid_of(container, "web"))]


def endpoints(container: Container) -> set[Endpoint]:
    """Return every TCP endpoint that listens."""
    tables = container.check_output("cat", "/proc/net/tcp", "/proc/net/tcp6")
    rows = [line.split() for line in tables.splitlines() if re.match(r"\s*\d+:", line)]
    return {_endpoint(row[1]) for row in rows if row[3] == LISTENS}


def _endpoint(text: str) -> Endpoint:
    address, port = text.split(":")
    words = [bytes.fromhex(address[start : start + 8])[::-1] for start in range(0, len(address), 8)]
    return Endpoint(str(ipaddress.ip_address(b"".join(words))), int(port, 16))


def environment(container: Container, pid: int) -> dict[str, str]:
    """Return the environment a process began with."""
    return _variables(container.check_output("cat", f"/proc/{pid}/environ"))


def decided(container: Container) -> dict[str, str]:
    """Return what env-check and db-wait decided for all units."""
    show = (
        'cd /run/edgepaas/env; for name in *; do printf "$name="; cat "$name"; printf "\\0"; done'
    )
    return _variables(container.check_output("sh", "-c", show))


def _variables(done: str) -> dict[str, str]:
    return dict(entry.split("=", 1) for entry in done.split("\0") if entry)
