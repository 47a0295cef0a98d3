"""The container engine: one that answers and can build, installed and started if need be."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from scripts import debian
from scripts.console import Failure, Progress, say

ANSWER_SECONDS = 20
USUAL_FOLDERS = ("/usr/bin",)  # looked into even when PATH does not name them
START_SECONDS = 60
GROUPS = (
    (Path("/sys/fs/cgroup/cpu/docker"), "cpu.shares", "20480"),  # version 1; 1024 is one process
    (Path("/sys/fs/cgroup/docker"), "cpu.weight", "2000"),  # version 2; 100 is one process
)
DAEMON_LOG = Path("/var/log/edgepaas-dockerd.log")
# These clients use the BuildKit inside the daemon; later ones need the buildx plugin for it.
BUILDKIT_WITHOUT_PLUGIN = range(19, 23)


class NoEngine(Failure):
    """No container engine can be had here; the text is one line saying why."""


@dataclass(frozen=True)
class Engine:
    """A Docker client whose daemon answers and which can build with BuildKit."""

    client: str

    @property
    def environment(self) -> dict[str, str]:
        """The environment every call of the client gets."""
        return {**os.environ, "DOCKER_BUILDKIT": "1", "DOCKER_CLI_HINTS": "false"}

    def run(
        self, *arguments: str, timeout: float | None = None, stdin: IO[bytes] | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run the client and return what it printed, whatever its status."""
        return subprocess.run(
            [self.client, *arguments],
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=timeout,
            stdin=stdin,
            check=False,
        )

    def output(self, *arguments: str) -> str:
        """Return what the client printed; raises Failure with its own words when it failed."""
        done = self.run(*arguments)
        if done.returncode != 0:
            raise Failure(f"`docker {' '.join(arguments[:2])}` failed: {done.stderr.strip()}")
        return done.stdout.strip()

    def has_image(self, name: str) -> bool:
        """Tell whether image `name` is here already."""
        return self.run("image", "inspect", name).returncode == 0


def clients() -> Iterator[str]:
    """Yield every `docker` on PATH and in the usual folders, each once."""
    folders = [*os.get_exec_path(), *USUAL_FOLDERS]
    found = (shutil.which("docker", path=folder) for folder in folders)
    yield from dict.fromkeys(path for path in found if path)


def _ask(client: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(
            [client, *arguments],
            capture_output=True,
            text=True,
            timeout=ANSWER_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return subprocess.CompletedProcess([client], 124, "", "the daemon did not answer in time")


def has_buildkit(client: str) -> bool:
    """Tell whether `client` builds with BuildKit: its plugin, or a version that has it inside."""
    if _ask(client, "buildx", "version").returncode == 0:
        return True
    version = re.search(r"version (\d+)\.", _ask(client, "--version").stdout)
    return version is not None and int(version.group(1)) in BUILDKIT_WITHOUT_PLUGIN


def find() -> Engine | None:
    """Return an engine that answers, None when none does; NoEngine when it cannot be used."""
    if os.environ.get("EDGEPAAS_ENGINE") == "none":
        raise NoEngine("EDGEPAAS_ENGINE=none asks for no container engine")
    unable = []
    for client in clients():
        asked = _ask(client, "version", "--format", "{{.Server.Version}}")
        if asked.returncode == 0 and has_buildkit(client):
            return Engine(client)
        if asked.returncode == 0:
            unable.append(client)
        elif "permission denied" in asked.stderr:
            raise NoEngine(
                "the container engine refuses this user: run as root, or join the group docker"
            )
    if unable:
        raise NoEngine(
            f"the engine answers, but {', '.join(unable)} cannot build with BuildKit:"
            " install the docker-buildx plugin"
        )
    return None


def _last_words(log: Path) -> str:
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
    return "\n  ".join(lines[-3:])


def _spawn(command: tuple[str, ...], log: Path) -> int:
    """Start `command` in a session of its own, writing to `log`; return its pid."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND
    streams = [
        (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
        (os.POSIX_SPAWN_OPEN, 1, str(log), flags, 0o644),
        (os.POSIX_SPAWN_DUP2, 1, 2),
    ]
    return os.posix_spawnp(command[0], command, os.environ, file_actions=streams, setsid=True)


def start_daemon(command: tuple[str, ...] = ("dockerd",), log: Path = DAEMON_LOG) -> Engine:
    """Start dockerd in a session of its own and wait until it answers; it stays up after us."""
    say(f"starting {command[0]}, which stays up (log: {log}, pid: /var/run/docker.pid)")
    daemon = _spawn(command, log)
    ended = False
    progress = Progress()
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        progress.show("waiting for the container engine")
        ended = os.waitpid(daemon, os.WNOHANG)[0] == daemon
        engine = find()  # asked even then: another's daemon may be what ended ours
        if engine:
            progress.done()
            give_containers_weight()
            return engine
        if ended:
            break
        time.sleep(0.2)
    progress.done()
    what = "ended at once" if ended else f"gave no answer in {START_SECONDS} s"
    raise NoEngine(f"dockerd {what}; its last words are:\n  {_last_words(log)}")


def give_containers_weight(groups: tuple[tuple[Path, str, str], ...] = GROUPS) -> None:
    """Let containers have processors where others want them too, as far as the kernel allows.

    Without systemd all containers are in one control group, and in all weigh as much as one
    process beside it: a busy host starves them.
    """
    for group, name, weight in groups:
        if (group.parent / "cgroup.procs").exists():
            with contextlib.suppress(OSError):
                group.mkdir(exist_ok=True)
                (group / name).write_text(weight, encoding="ascii")


def install_packages() -> None:
    """Install the distribution's engine; raises Failure."""
    debian.install(
        ["docker.io", "iptables"], "a container engine", if_known=("docker-cli", "docker-buildx")
    )


def ensure() -> Engine:
    """Return an engine, installed and started first where that is needed; raises NoEngine."""
    engine = find()
    if engine:
        return engine
    if shutil.which("dockerd") is None or not any(clients()):
        reason = debian.why_not_installable()
        if reason:
            raise NoEngine(f"no container engine answers, and {reason}")
        install_packages()
        engine = find()  # where systemd runs, the package has started it
    elif os.geteuid() != 0:
        raise NoEngine("no container engine answers, and starting dockerd needs root")
    return engine or start_daemon()
