"""A boot of our own units under the real PID 1, natively: no container, no mock."""

import json
import os
import shlex
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

from boot.verbs import control
from tests.support.wait import wait_until

CHECKOUT = Path(__file__).parents[2]
ROOTFS = CHECKOUT / "rootfs"
LAYER = ROOTFS / "opt/edgepaas"
PROGRAMS = Path(sys.executable).parent
BLOCKED = {
    signal.SIGTERM,
    signal.SIGINT,
    signal.SIGQUIT,
    signal.SIGHUP,
    signal.SIGUSR1,
    signal.SIGUSR2,
}
PATIENCE = 120.0
STEP_SECONDS = 0.9
GONE_SECONDS = 5.0
# To end a shell script: it waits for a signal, and its traps are heeded.
WAIT = "sleep infinity & wait"
DEAF = f"trap '' TERM; echo up; {WAIT}"


class NativeBoot:
    """A root with its own conf.d, and PID 1 started on it. `directory` must have a short path.

    `environment` is what the container would be started with.
    """

    def __init__(self, directory: Path, **environment: str) -> None:
        self.directory = directory
        self.root = directory / "root"
        self.run_dir = directory / "run"
        self.conf_d = self.root / "etc/supervisor/conf.d"
        self.log_path = directory / "log"
        self.pid1: subprocess.Popen[bytes] | None = None
        self.forward = 0.0
        self._lay_out()
        self.environment = {
            "PATH": f"{PROGRAMS}:/usr/bin:/bin",
            "PYTHONPATH": str(LAYER),
            "EDGEPAAS_ROOT": str(self.root),
            "EDGEPAAS_APP_DIR": str(directory),
            "EDGEPAAS_RUN_DIR": str(self.run_dir),
            "EDGEPAAS_DATA_DIR": str(directory / "data"),
            **environment,
        }

    def _lay_out(self) -> None:
        self.conf_d.mkdir(parents=True)
        (self.directory / "data").mkdir()
        (self.root / "opt").symlink_to(ROOTFS / "opt")
        (self.root / "etc/edgepaas").symlink_to(ROOTFS / "etc/edgepaas")
        supervisord = "etc/supervisor/supervisord.conf"
        (self.root / supervisord).symlink_to(ROOTFS / supervisord)

    # Units.

    def oneshot(self, name: str, script: str = "true", **keys: object) -> None:
        """Declare a oneshot that runs a shell script."""
        self.unit(name, f"/bin/sh {self.file(f'{name}.sh', script)}", type="oneshot", **keys)

    def longrun(self, name: str, script: str = "exec sleep infinity", **keys: object) -> None:
        """Declare a longrun that runs a shell script."""
        self.unit(name, f"/bin/sh {self.file(f'{name}.sh', script)}", type="longrun", **keys)

    def notifying(self, name: str, program: str, **keys: object) -> None:
        """Declare a longrun that runs Python, in which `notify(text)` sends a message."""
        path = self.file(f"{name}.py", f"{NOTIFY}\n{program}")
        keys = {"ready": "notify", **keys}
        command = f"{sys.executable} -S -E {path}"
        self.unit(name, command, type="longrun", **keys)

    def unit(self, name: str, command: str, **keys: object) -> None:
        """Declare a unit."""
        lines = [f"{key} = {value}" for key, value in keys.items()]
        text = [f"[program:{name}]", f"command = {command}", f"[unit:{name}]", *lines, ""]
        self.conf(name, "\n".join(text))

    def conf(self, name: str, text: str) -> None:
        """Write a file of conf.d as it is."""
        (self.conf_d / f"{name}.conf").write_text(text)

    def file(self, name: str, text: str) -> Path:
        """Write a file into the directory that units run in."""
        path = self.directory / name
        path.write_text(text + "\n")
        return path

    def gate(self, name: str = "gate") -> Path:
        """Make a named pipe: a unit that opens it waits until `open_gate`."""
        path = self.directory / name
        os.mkfifo(path)
        return path

    def open_gate(self, name: str = "gate") -> None:
        """Let go on who waits at the gate; waits for a unit to come there."""
        (self.directory / name).write_text("go\n")

    def patch(self, program: str) -> None:
        """Let PID 1 run a Python program before its own."""
        guarded = "".join(f"\n    {line}" for line in program.splitlines())
        self.file("sitecustomize.py", f"import sys\nif sys.argv[:1] == ['-m']:{guarded}")
        self.environment["PYTHONPATH"] += f":{self.directory}"

    def own_clock(self, name: str) -> None:
        """Let PID 1 have a `time.NAME` of its own, to be put forward."""
        self.patch(f"import time\n{CLOCK}time.{name} = forward(time.{name})")

    def put_clock_forward(self, seconds: float) -> None:
        """Put PID 1's own clock forward while it does nothing, and wake it.

        What it is at, it would take for a thing of `seconds`.
        """
        with suppress(control.ControlError):
            control.call(self.run_dir, "supervisor.getState", PATIENCE)
        self.forward += seconds
        self.file("forward.new", str(self.forward)).replace(self.directory / "forward")
        self.signal(signal.SIGALRM)

    def pass_time(self, predicate: Callable[[], bool], what: str) -> None:
        """Let PID 1's time fly until something is so, in steps it does not take for a standstill.

        `predicate` is held against it before each step.
        """

        def step() -> bool:
            if predicate():
                return True
            self.put_clock_forward(STEP_SECONDS)
            return False

        self.wait_for(step, what)

    # Its life.

    def start(self, stdout: int | IO[bytes] | None = None, before: Sequence[str] = ()) -> None:
        """Start PID 1 as /init does, our signals blocked; `before` is a command to run it under."""
        old = signal.pthread_sigmask(signal.SIG_BLOCK, BLOCKED)
        try:
            with self.log_path.open("wb") as log:
                self.pid1 = subprocess.Popen(
                    [*before, sys.executable, "-m", "boot.pid1"],
                    env=self.environment,
                    cwd=self.directory,
                    stdin=subprocess.DEVNULL,
                    stdout=log if stdout is None else stdout,
                    stderr=log if stdout is None else subprocess.STDOUT,
                    start_new_session=True,
                )
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, old)

    def run(self) -> int:
        """Start PID 1 and return its exit status."""
        self.start()
        return self.ended()

    def ended(self, timeout: float = PATIENCE) -> int:
        """Wait for the end of PID 1; return its exit status."""
        try:
            return self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"PID 1 runs on\n{self.story()}") from None

    def stop(self, number: int = signal.SIGTERM) -> int:
        """Send a stop signal; return the exit status."""
        self.signal(number)
        return self.ended()

    def signal(self, number: int) -> None:
        """Send a signal to PID 1."""
        self.process.send_signal(number)

    @property
    def process(self) -> "subprocess.Popen[bytes]":
        """Return PID 1."""
        assert self.pid1 is not None, "not started"
        return self.pid1

    def wait_ticks(self, ticks: int) -> None:
        """Wait until PID 1 has used so much of a processor (hundredths of a second), or is ready.

        A moment of the boot told by its own work, the same however busy the machine is.
        """
        wait_until(
            lambda: self._ticks() >= ticks or self.phase() == "ready",
            PATIENCE,
            f"PID 1 at {ticks} ticks",
            poll=0,
        )

    def _ticks(self) -> int:
        stat = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return int(stat[11]) + int(stat[12])

    def close(self) -> None:
        """Kill PID 1 and whatever bears its mark."""
        if self.pid1:
            with suppress(ProcessLookupError):
                self.pid1.kill()
            self.pid1.wait()
            for pid in self.processes():
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)

    def processes(self) -> list[int]:
        """Return the pids of all that PID 1 started and that still runs, however far it strayed."""
        mark = f"EDGEPAAS_RUN_DIR={self.run_dir}\0".encode()
        found = []
        for path in Path("/proc").glob("[0-9]*/environ"):
            with suppress(OSError):
                if mark in path.read_bytes():
                    found.append(int(path.parent.name))
        return [pid for pid in found if not self.pid1 or pid != self.pid1.pid]

    def left_over(self) -> list[str]:
        """Return the command lines of what PID 1 has left behind.

        What was killed a moment ago and has not come to its end yet, on a busy machine, is not.
        """
        with suppress(AssertionError):
            wait_until(lambda: not self.processes(), GONE_SECONDS, "everything is gone")
        return [str(Path(f"/proc/{pid}/cmdline").read_bytes()) for pid in self.processes()]

    # What it says.

    def wait(self, phase: str) -> None:
        """Wait until the boot report says `phase`."""
        self.wait_for(lambda: self.phase() == phase, phase)

    def wait_state(self, name: str, state: str) -> None:
        """Wait until a unit is in a state."""
        self.wait_for(lambda: self.entry(name).get("state") == state, f"{name} {state}")

    def wait_for(self, predicate: Any, what: str, timeout: float = PATIENCE) -> None:
        """Wait for a condition while PID 1 runs."""
        try:
            wait_until(lambda: predicate() or self.process.poll() is not None, timeout, what)
            assert predicate(), f"PID 1 ended before: {what}"
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self.story()}") from None

    def phase(self) -> str:
        """Return the phase in the boot report, "" before there is one."""
        return str(self.report().get("phase", ""))

    def report(self) -> dict[str, Any]:
        """Return boot.json, {} where there is none."""
        return read_json(self.run_dir / "boot.json")

    def exit(self) -> dict[str, Any]:
        """Return exit.json, {} where there is none."""
        return read_json(self.run_dir / "exit.json")

    def entry(self, name: str) -> dict[str, Any]:
        """Return a unit's line of the boot report, {} where there is none."""
        units = self.report().get("units", [])
        return next((unit for unit in units if unit["name"] == name), {})

    def log(self) -> str:
        """Return all that was logged, as it stands."""
        return self.log_path.read_text(errors="backslashreplace")

    def lines(self) -> list[Mapping[str, Any]]:
        """Return the log's lines; every one must be a JSON object."""
        return [json.loads(line) for line in self.log().split("\n") if line]

    def messages(self, program: str = "pid1") -> list[str]:
        """Return the messages of one program."""
        return [line["message"] for line in self.lines() if line["program"] == program]

    def story(self) -> str:
        """Return what a person would look at where a test fails."""
        return f"{self.log()[-8000:]}\n{json.dumps(self.report(), indent=1)[-6000:]}"

    def written(self, name: str) -> list[str]:
        """Return the lines of a file units wrote into their directory."""
        path = self.directory / name
        return path.read_text().split("\n")[:-1] if path.exists() else []

    def ctl(self, *words: str) -> tuple[int, str]:
        """Run supervisorctl; return its exit status and what it printed."""
        done = subprocess.run(
            [PROGRAMS / "supervisorctl", "-c", self.run_dir / "supervisord.conf", *words],
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )
        return done.returncode, done.stdout + done.stderr


def read_json(path: Path) -> dict[str, Any]:
    """Return an object in a file that is replaced atomically, {} before it is there."""
    try:
        return dict(json.loads(path.read_text()))
    except FileNotFoundError:
        return {}


def quoted(*words: str) -> str:
    """Return words as a command line in a unit file."""
    return shlex.join(words).replace("%", "%%")


# Python takes its handlers back at its end: an alarm of ours would then end it by a signal.
CLOCK = """
import atexit, signal
atexit.register(signal.pthread_sigmask, signal.SIG_BLOCK, [signal.SIGALRM])
def forward(real):
    def clock():
        try:
            return real() + float(open("forward").read())
        except FileNotFoundError:
            return real()
    return clock
"""
NOTIFY = """
import os, signal, socket, sys, time
def notify(text):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as channel:
        channel.sendto(text.encode(), os.environ["NOTIFY_SOCKET"])
"""
