"""The same tree without a container, in a virtual environment of this checkout."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from pathlib import Path

from scripts import env_file
from scripts.checkout import BUILD, ENV_FILE, LAYER, REQUIREMENTS, ROOT, build_directory
from scripts.console import Failure, say
from scripts.service import Ports, check_ports, stop_seconds
from scripts.virtualenv import Virtualenv

LOG = BUILD / "native.log"
PID_FILE = BUILD / "native.pid"
VENV = Virtualenv(BUILD / "venv", (REQUIREMENTS / "runtime.txt",))
COMMAND = (VENV.python, "-m", "boot.pid1")


def environment(ports: Ports) -> dict[str, str]:
    """Return the environment the image would set, with this checkout's places and the .env file."""
    return {
        **VENV.environment,
        **env_file.read(ENV_FILE),
        "PYTHONPATH": f"{LAYER}{os.pathsep}{ROOT}",
        "PYTHONUNBUFFERED": "1",
        "EDGEPAAS_ROOT": str(ROOT / "rootfs"),
        "EDGEPAAS_APP_DIR": str(ROOT),
        "EDGEPAAS_RUN_DIR": str(build_directory("run")),
        "EDGEPAAS_DATA_DIR": str(build_directory("data")),
        "TMPDIR": str(build_directory("tmp")),
        "EDGEPAAS_BIND": "127.0.0.1",
        "EDGEPAAS_METRICS_BIND": "127.0.0.1",
        "PORT": str(ports.app),
        "EDGEPAAS_METRICS_PORT": str(ports.management),
    }


def is_ours(pid: int) -> bool:
    """Tell whether `pid` is alive and is the process we started."""
    try:
        command = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except OSError:
        return False
    return b"boot.pid1" in command


def running_pid() -> int | None:
    """Return the pid of the running service; None when none runs."""
    try:
        pid = int(PID_FILE.read_text(encoding="ascii"))
    except (OSError, ValueError):
        return None
    return pid if is_ours(pid) else None


class Native:
    """The service as a process of this checkout; its files are below build/."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None

    def replace(self, ports: Ports) -> None:
        """Start it, in place of one that runs; raises Failure."""
        if running_pid() is None:
            check_ports(ports)
        VENV.ensure()
        self.remove()
        check_ports(ports)
        with LOG.open("wb") as log:
            self._process = subprocess.Popen(
                COMMAND,
                env=environment(ports),
                cwd=ROOT,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        PID_FILE.write_text(str(self._process.pid), encoding="ascii")

    def remove(self) -> bool:
        """Stop it within its budget, by force after that; tell whether it ran."""
        pid = running_pid()
        if pid is None:
            return False
        os.kill(pid, signal.SIGTERM)
        deadline = time.monotonic() + stop_seconds() + 1
        while is_ours(pid):
            if time.monotonic() > deadline:
                say(f"pid {pid} did not end in time: killing it and its children")
                os.killpg(pid, signal.SIGKILL)
            time.sleep(0.05)
        PID_FILE.unlink()
        return True

    def exit_status(self) -> int | None:
        """Return its exit status; None while it runs."""
        if self._process is None:
            raise Failure("the native service was not started by this command")
        return self._process.poll()

    def last_lines(self, count: int) -> str:
        """Return the last lines of its log."""
        lines = LOG.read_text(encoding="utf-8", errors="replace").splitlines()
        return "\n".join(lines[-count:])

    def follow(self) -> int:
        """Show its log as it grows."""
        return subprocess.run(["tail", "-n", "100", "-F", str(LOG)], check=False).returncode

    def shell(self) -> int:
        """Open a shell in its environment."""
        return subprocess.run(
            [os.environ.get("SHELL", "sh")], env=environment(Ports.chosen()), check=False
        ).returncode

    def edgepaas(self, *words: str) -> int:
        """Run the operator's command in its environment."""
        command = (VENV.python, "-m", "boot.cli", *words)
        return subprocess.run(
            command, env=environment(Ports.chosen()), cwd=ROOT, check=False
        ).returncode

    def hints(self) -> list[str]:
        """Return commands to look further, each with its purpose."""
        return [
            "make logs     what it writes, as it grows",
            "make demo     fill it with a small fleet to look at",
            "make shell    a shell in its environment",
            f"make stop     stop it; the data stays in {BUILD / 'data'}",
        ]
