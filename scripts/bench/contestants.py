"""Who hands over three no-op oneshots: ours, an event listener on supervisord, Debian's s6.

Each is a way to start the chain in a folder; the steps write when they begin and end.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Callable, NamedTuple

from scripts.checkout import BUILD, LAYER, REQUIREMENTS, ROOT
from scripts.virtualenv import Virtualenv

VENV = Virtualenv(BUILD / "bench-venv", (REQUIREMENTS / "runtime.txt", REQUIREMENTS / "bench.txt"))
STEPS = ("one", "two", "three")
# The same program in every contestant: two time stamps, nothing between them.
STEP = "#!/bin/sh\ndate +%s%N > {folder}/{name}.begin\ndate +%s%N > {folder}/{name}.end\n"
STOP_SECONDS = 10


@dataclass(frozen=True)
class Contestant:
    """A name, and what lays out a folder and returns the command and environment to run in it."""

    name: str
    lay_out: Callable[[Path], Launch]


class Launch(NamedTuple):
    """A command and its environment."""

    command: tuple[str, ...]
    environment: dict[str, str]


class Chain:
    """One contestant's run: started on entry, stopped with all it started on exit."""

    def __init__(self, contestant: Contestant, folder: Path) -> None:
        self.contestant = contestant
        self.folder = folder

    def __enter__(self) -> subprocess.Popen[bytes]:
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True)
        for name in STEPS:
            write_program(step_path(self.folder, name), STEP.format(folder=self.folder, name=name))
        launch = self.contestant.lay_out(self.folder)
        with (self.folder / "log").open("wb") as log:
            self._process = subprocess.Popen(
                launch.command,
                env=launch.environment,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        return self._process

    def __exit__(self, *_: object) -> None:
        self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()


def step_path(folder: Path, name: str) -> Path:
    """Return the program of a step."""
    return folder / f"step-{name}"


def write_program(path: Path, text: str) -> None:
    """Write an executable script."""
    path.write_text(text, encoding="utf-8")
    path.chmod(0o755)


def chained() -> list[tuple[str, str | None]]:
    """Return each step with the one it waits for."""
    return list(zip(STEPS, (None, *STEPS)))


def ours(folder: Path) -> Launch:
    """Lay out a root with three units of ours."""
    return root_of_ours(folder, chained(), lambda name: str(step_path(folder, name)))


def root_of_ours(
    folder: Path, chain: Iterable[tuple[str, str | None]], program: Callable[[str], str]
) -> Launch:
    """Lay out a root with these oneshots, each with the one it waits for."""
    etc = folder / "root/etc"
    conf_d = etc / "supervisor/conf.d"
    conf_d.mkdir(parents=True)
    (etc / "edgepaas").symlink_to(ROOT / "rootfs/etc/edgepaas")
    (folder / "root/opt").symlink_to(ROOT / "rootfs/opt")
    (etc / "supervisor/supervisord.conf").symlink_to(
        ROOT / "rootfs/etc/supervisor/supervisord.conf"
    )
    for name, parent in chain:
        unit = f"[program:{name}]\ncommand = {program(name)}\n[unit:{name}]\n"
        requires = f"requires = {parent}\n" if parent else ""
        (conf_d / f"{name}.conf").write_text(f"{unit}type = oneshot\n{requires}", encoding="utf-8")
    environment = {
        **VENV.environment,
        "EDGEPAAS_ROOT": str(folder / "root"),
        "EDGEPAAS_APP_DIR": str(folder),
        "EDGEPAAS_RUN_DIR": str(folder / "run"),
        "EDGEPAAS_DATA_DIR": str(folder),
        "PYTHONPATH": str(LAYER),
    }
    return Launch((VENV.python, "-m", "boot.pid1"), environment)


def event_listener(folder: Path) -> Launch:
    """Lay out supervisord with the event listener package supervisord-dependent-startup."""
    config = folder / "supervisord.conf"
    parts = [
        "[supervisord]\nnodaemon=true\nlogfile=/dev/null\nlogfile_maxbytes=0",
        f"pidfile={folder}/pid\nchildlogdir={folder}",
        f"[unix_http_server]\nfile={folder}/socket",
        "[rpcinterface:supervisor]",
        "supervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface",
        "[eventlistener:dependentstartup]",
        f"command=python -m supervisord_dependent_startup -c {config}",
        "autostart=true\nautorestart=unexpected\nstartretries=0\nexitcodes=0,3",
        "events=PROCESS_STATE",
    ]
    for name, parent in chained():
        wait = f"\ndependent_startup_wait_for={parent}:exited" if parent else ""
        parts.append(
            f"[program:{name}]\ncommand={step_path(folder, name)}\nautostart=false\n"
            f"autorestart=false\nstartsecs=0\ndependent_startup=true{wait}"
        )
    config.write_text("\n".join(parts) + "\n", encoding="utf-8")
    return Launch((str(VENV.bin / "supervisord"), "-c", str(config)), VENV.environment)


def s6(folder: Path) -> Launch:
    """Lay out s6 services that each start the next one when they finish."""
    scan = folder / "scan"
    following = dict(zip(STEPS, STEPS[1:]))
    for name, parent in chained():
        service = scan / name
        service.mkdir(parents=True)
        write_program(service / "run", f"#!/bin/sh\nexec {step_path(folder, name)}\n")
        after = following.get(name)
        start_next = f"s6-svc -o {scan}/{after}\n" if after else ""
        # 125 tells s6-supervise not to start it again.
        write_program(service / "finish", f"#!/bin/sh\n{start_next}exit 125\n")
        if parent:
            (service / "down").touch()
    return Launch(("s6-svscan", str(scan)), dict(os.environ))


OURS = Contestant("edgepaas", ours)
OTHERS = (
    Contestant("supervisord + event listener", event_listener),
    Contestant("Debian's s6", s6),
)
