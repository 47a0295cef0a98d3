"""Everything that helps to help, as named texts: the members of a support bundle."""

import json
import os
import platform
import sys
from collections.abc import Callable, Iterator
from importlib import metadata
from pathlib import Path
from typing import NamedTuple

from boot.cgroup import Cgroup
from boot.doctor import processes
from boot.doctor.diagnosis import Diagnosis, text
from boot.doctor.evidence import Evidence
from boot.doctor.inquiry import Address, get
from boot.report import render_table
from boot.verbs import config

HTTP_SECONDS = 3.0
PROC_SELF = ("mountinfo", "limits", "cgroup", "status")
PROC = ("meminfo", "loadavg", "uptime", "version", "net/tcp", "net/tcp6", "net/unix")
ETC = ("resolv.conf", "hosts", "os-release")


class Member(NamedTuple):
    """One file of the bundle: its name, what it is, and how to get its text.

    `read` may raise anything: then there is no file, and README says why.
    """

    name: str
    meaning: str
    read: Callable[[], str]


def members(evidence: Evidence, diagnosis: Diagnosis) -> Iterator[Member]:
    """Yield every member, most telling first."""
    yield Member("doctor.txt", "what `edgepaas doctor` says", lambda: text(diagnosis))
    yield Member("doctor.json", "the same for machines", lambda: _json(diagnosis.as_dict()))
    yield from _of_boot(evidence)
    yield from _of_configuration(evidence)
    yield from _of_system(evidence)
    yield from _of_servers(evidence)


def _of_boot(evidence: Evidence) -> Iterator[Member]:
    run = evidence.run_dir
    yield Member("boot.txt", "the boot as a table", lambda: render_table(evidence.report or {}))
    yield _file("boot.json", "the boot report", run / "boot.json")
    yield _file("exit.json", "how the boot ended, if it has", run / "exit.json")
    yield Member("run-directory.txt", f"what is in {run}", lambda: _listing(run))


def _of_configuration(evidence: Evidence) -> Iterator[Member]:
    etc = evidence.root / "etc"
    yield Member(
        "config.json", "the variables in effect, secrets masked", lambda: _config(evidence)
    )
    yield Member(
        "environment-names.txt",
        "names in the environment, without values: this command's, and what units wrote",
        lambda: _names(evidence),
    )
    yield _file(
        "supervisord.conf", "what supervisord runs with", evidence.run_dir / "supervisord.conf"
    )
    for path in sorted((etc / "supervisor/conf.d").glob("*.conf")):
        yield _file(f"units/{path.name}", "a unit file", path)
    for path in sorted((etc / "edgepaas/environment.d").glob("*.toml")):
        yield _file(f"environment.d/{path.name}", "variables of a derived image", path)


def _of_system(evidence: Evidence) -> Iterator[Member]:
    yield Member("versions.txt", "Python, the kernel, every Python package", _versions)
    yield Member(
        "processes.txt",
        "pid, parent, state and command line of each process",
        lambda: _processes(evidence.pid),
    )
    for name in PROC_SELF:
        yield _file(f"proc/self/{name}", "of this command", Path("/proc/self") / name)
    for name in PROC:
        yield _file(f"proc/{name}", "of the kernel", Path("/proc") / name)
    for path in Cgroup().files():
        yield _file(f"cgroup/{path.name}", "limit or use of the container", path)
    for name in ETC:
        yield _file(f"etc/{name}", "of the container", Path("/etc") / name)


def _of_servers(evidence: Evidence) -> Iterator[Member]:
    sidecar = evidence.address("EDGEPAAS_METRICS_BIND", "EDGEPAAS_METRICS_PORT")
    app = evidence.address("EDGEPAAS_BIND", "PORT")
    yield _page("metrics.txt", sidecar, "/metrics", evidence.value("EDGEPAAS_METRICS_TOKEN"))
    yield _page("readyz.json", sidecar, "/readyz")
    yield _page("health-ready.json", app, "/health/ready")
    yield _page("health-system.json", app, "/health/system")


def _file(name: str, meaning: str, path: Path) -> Member:
    return Member(name, f"{meaning} ({path})", lambda: path.read_text(errors="backslashreplace"))


def _page(name: str, address: Address | None, path: str, token: str = "") -> Member:
    def read() -> str:
        if address is None:
            raise FileNotFoundError("its port is not known")
        reply = get(address, path, HTTP_SECONDS, token)
        return f"{reply.body.decode(errors='backslashreplace')}\n(status {reply.status})\n"

    return Member(name, f"what {path} answers", read)


def _json(value: object) -> str:
    return json.dumps(value, indent=2) + "\n"


def _listing(directory: Path) -> str:
    lines = []
    for path in sorted(directory.rglob("*")):
        status = path.lstat()
        lines.append(
            f"{status.st_mode:o} {status.st_uid}:{status.st_gid} {status.st_size:>9} "
            f"{path.relative_to(directory)}"
        )
    return "\n".join([*lines, ""])


def _config(evidence: Evidence) -> str:
    rows = config.rows(evidence.contract, evidence.resolution, evidence.running)
    return config.as_json(list(rows)) + "\n"


def _names(evidence: Evidence) -> str:
    of_command, of_units = sorted(evidence.environ), sorted(evidence.running)
    return "\n".join(["this command's:", *of_command, "", "written by units:", *of_units, ""])


def _versions() -> str:
    packages = sorted(f"{each.name} {each.version}" for each in metadata.distributions())
    names = ("EDGEPAAS_VERSION", "EDGEPAAS_BUILD_ID")
    return "\n".join(
        [
            *(f"{name} {os.environ.get(name) or 'unknown'}" for name in names),
            f"Python {sys.version}",
            platform.platform(),
            *packages,
            "",
        ]
    )


def _processes(root: int) -> str:
    """Return a container's processes; natively those below `root`, not a whole host's."""
    in_container = 1 in {root, os.getpid()}
    ours = {each.pid for each in processes.tree(root)} | {os.getpid()}
    lines = []
    for process in processes.everyone():
        if process.pid not in ours and not in_container:
            continue
        try:
            raw = (processes.PROC / str(process.pid) / "cmdline").read_bytes()
        except OSError:
            raw = b""
        command = raw.replace(b"\0", b" ").decode(errors="backslashreplace").strip()
        shown = command or f"[{process.name}]"
        lines.append(f"{process.pid:>7} {process.parent:>7} {process.state} {shown}")
    return "\n".join(["    pid  parent S command", *lines, ""])
