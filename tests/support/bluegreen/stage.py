"""One host's worth of blue/green: settings, slots on free ports, a proxy, and the words."""

import json
import os
import subprocess
import sys
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from scripts.checkout import ROOT
from tests.support.bluegreen.proxies import Proxy
from tests.support.engine import docker
from tests.support.ports import free_port

WORD_SECONDS = 600
SUFFIXES = ("", "-previous", "-failed")
SLOTS = ("blue", "green")
# More options of `docker run` from outside, as a cgroup with weight on a busy machine.
OPTIONS = f"--no-healthcheck\n    {os.environ.get('BLUE_GREEN_OPTIONS', '')}"


class Stage:
    """A service in two slots behind a proxy, and the command as a person types it."""

    def __init__(self, folder: Path, kind: type[Proxy], env: Mapping[str, str]) -> None:
        self.folder = folder
        self.name = f"edgepaas-deploy-{uuid.uuid4().hex[:8]}"
        self.ports = {slot: (free_port(), free_port()) for slot in SLOTS}
        (folder / "proxy").mkdir()
        self.proxy = kind(folder / "proxy", {name: port for name, (port, _) in self.ports.items()})
        self.sections: dict[str, dict[str, object]] = {
            "service": {
                "name": self.name,
                "env_file": "service.env",
                "network": "host",
                "options": OPTIONS,
                "state": "state",
            },
            "slots": {name: f"{app} {managed}" for name, (app, managed) in self.ports.items()},
            "proxy": self.proxy.settings(),
            "smoke": {},
            "wait": {"ready": 300, "prove": 60, "drain": 20},
            "ledger": {},
        }
        self.environment(env)

    def environment(self, env: Mapping[str, str]) -> None:
        """Write the env file."""
        lines = [f"{name}={value}\n" for name, value in env.items()]
        (self.folder / "service.env").write_text("".join(lines))

    @property
    def config(self) -> Path:
        """The settings, written as they are now."""
        path = self.folder / "blue-green.ini"
        lines = []
        for section, values in self.sections.items():
            lines += [f"[{section}]", *(f"{key} = {value}" for key, value in values.items())]
        path.write_text("\n".join(lines) + "\n")
        return path

    def command(self, *words: str) -> list[str]:
        """Return the command line of a word."""
        return [sys.executable, "-m", "scripts.blue_green", "--config", str(self.config), *words]

    def word(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run a word to its end; stdout and stderr are one."""
        return subprocess.run(
            self.command(*words),
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=WORD_SECONDS,
            check=False,
        )

    def does(self, *words: str) -> str:
        """Run a word that must succeed; return what it said."""
        done = self.word(*words)
        assert done.returncode == 0, f"{words} ended with {done.returncode}:\n{done.stdout}"
        return done.stdout

    def begin(self, *words: str) -> "subprocess.Popen[str]":
        """Start a word; its output goes into a file."""
        with (self.folder / "words.log").open("ab") as log:
            return subprocess.Popen(
                self.command(*words), cwd=ROOT, stdout=log, stderr=subprocess.STDOUT, text=True
            )

    def status(self) -> dict[str, Any]:
        """Return `status --json`."""
        found: dict[str, Any] = json.loads(self.word("status", "--json").stdout)
        return found

    def state(self) -> dict[str, Any]:
        """Return the state as it is on disk."""
        try:
            found: dict[str, Any] = json.loads((self.folder / "state/state.json").read_text())
        except FileNotFoundError:
            return {"operation": None}
        return found

    def history(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = json.loads(self.does("history", "--json"))
        return found

    def container(self, slot: str, suffix: str = "") -> str:
        return f"{self.name}-{slot}{suffix}"

    def running(self) -> list[str]:
        """Return which of our containers run."""
        listed = docker().output("ps", "--filter", f"name={self.name}", "--format", "{{.Names}}")
        return sorted(listed.split())

    def pid(self, slot: str) -> int:
        """Return the host's pid of a slot's PID 1; 0 where it does not run."""
        done = docker().run("inspect", "--format", "{{.State.Pid}}", self.container(slot))
        return int(done.stdout.strip() or 0)

    def assert_one_is_live(self) -> dict[str, Any]:
        """Fail unless one slot is live and answers through the proxy, and nothing is left over."""
        found = self.status()
        assert found["operation"] is None, found
        live = found["live"]
        assert live in SLOTS, found
        assert found["slots"][live]["ready"], found
        seen = found["through_the_proxy"]
        assert seen == {"build": found["slots"][live]["build"], "slot": live}, found
        assert self.running() == [self.container(live)]
        return found

    def remove(self) -> None:
        """Remove proxy and containers."""
        self.proxy.kill()
        names = [self.container(slot, suffix) for slot in SLOTS for suffix in SUFFIXES]
        docker().run("rm", "--force", "--volumes", *names)


@contextmanager
def stage(folder: Path, kind: type[Proxy], env: Mapping[str, str]) -> Iterator[Stage]:
    """Yield a stage whose proxy runs; all of it is removed at the end."""
    made = Stage(folder, kind, env)
    try:
        made.proxy.start()
        yield made
    finally:
        made.remove()
