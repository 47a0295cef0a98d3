"""What people run instead of ours, built from the same base, pins and app, and ours beside it."""

from __future__ import annotations

import shutil
import subprocess
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar
from urllib.error import URLError
from urllib.request import urlopen

from scripts import base_image
from scripts.bench.idle import cpu_seconds, memory_mib
from scripts.build import certificate_bundle
from scripts.checkout import IMAGE, REQUIREMENTS, ROOT, build_directory
from scripts.console import Failure
from scripts.engine import Engine

RIVALS = "edgepaas-bench:rivals"
READY_SECONDS = 120.0
POLL_SECONDS = 0.005
LOOK_SECONDS = 10.0  # often enough for who waits, too seldom to disturb what is measured


@dataclass(frozen=True)
class Contestant:
    """An image with what is asked of it; `command` is empty where the image's own is meant."""

    name: str
    image: str
    command: tuple[str, ...] = ()
    environment: tuple[str, ...] = ()


OURS = Contestant("edgepaas", IMAGE, environment=("WEB_CONCURRENCY=2", "EDGEPAAS_DB_MODE=sqlite"))
ENTRYPOINT = Contestant("single-stage entrypoint", RIVALS, ("baseline/entrypoint.sh",))
S6 = Contestant("Debian's s6, oneshots", RIVALS, ("baseline/s6.sh",))
PRESTART = Contestant(
    "gunicorn, prestart script",
    RIVALS,
    ("gunicorn", "-c", "baseline/prestart.conf.py", "app.main:app"),
)
SUPERVISORD = Contestant(
    "plain supervisord", RIVALS, ("supervisord", "-c", "baseline/supervisord.conf")
)
BARE = Contestant("bare gunicorn, no steps", RIVALS, ("baseline/serve.sh",))
UVICORN = Contestant(
    "uvicorn x2, no steps",
    RIVALS,
    ("uvicorn", "app.main:app", "--host=0.0.0.0", "--workers=2", "--log-level=warning"),
)
ALL = (OURS, ENTRYPOINT, S6, PRESTART, SUPERVISORD, BARE, UVICORN)


Turn = TypeVar("Turn")


def in_turn(contestants: Sequence[Turn], rounds: int) -> list[Turn]:
    """Return the contestants in turn, each round begun by another one."""
    turns = (contestants[each % len(contestants) :] for each in range(rounds))
    return [
        one
        for number, tail in enumerate(turns)
        for one in (*tail, *contestants[: number % len(contestants)])
    ]


def build(docker: Engine) -> None:
    """Build the image that the others are in; raises Failure."""
    context = build_directory("bench") / "context"
    shutil.rmtree(context, ignore_errors=True)
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "app", context / "app", ignore=ignored)
    shutil.copytree(ROOT / "scripts/bench/baseline", context / "baseline", ignore=ignored)
    shutil.copy(REQUIREMENTS / "runtime.txt", context)
    command = [docker.client, "build", "--quiet", "--tag", RIVALS]
    command += ["--build-arg", f"BASE_IMAGE={base_image.ensure(docker)}"]
    bundle = certificate_bundle()
    if bundle:
        command += ["--secret", f"id=ca,src={bundle}"]
    command += ["--file", str(context / "baseline/Dockerfile"), str(context)]
    done = subprocess.run(
        command, env=docker.environment, capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        raise Failure(f"the image to compare with could not be built:\n{done.stderr[-3000:]}")


class Running:
    """A container of a contestant. `address` is where its app is."""

    def __init__(self, docker: Engine, name: str, address: str) -> None:
        self.docker = docker
        self.name = name
        self.address = address

    def processes(self) -> list[int]:
        """Return the pids, on this host, of its first process and of all that it began: not of a
        health check, which the engine brings in and which may be gone the next moment.
        """
        first = int(self.docker.output("inspect", "--format={{.State.Pid}}", self.name))
        _, *listed = self.docker.output("top", self.name, "-eo", "pid,ppid").splitlines()
        pairs = [line.split() for line in listed]
        return family(first, {int(pid): int(parent) for pid, parent in pairs})

    def memory(self, word: str = "") -> float:
        """Return the memory of its processes that have `word` in their command line, in MiB.

        What they share is counted once.
        """
        return sum(
            memory_mib(pid)["Pss"]
            for pid in self.processes()
            if word in Path(f"/proc/{pid}/cmdline").read_text(encoding="utf-8")
        )

    def cpu(self) -> float:
        """Return the processor seconds its processes have used."""
        return sum(map(cpu_seconds, self.processes()))

    def stop(self) -> float:
        """Stop it; return the seconds that took."""
        started = time.monotonic()
        self.docker.output("stop", self.name)
        return time.monotonic() - started


def family(first: int, parents: Mapping[int, int]) -> list[int]:
    """Return `first` and all that descend from it; `parents` are by child."""
    found = [first]
    for one in found:
        found += [child for child, parent in parents.items() if parent == one]
    return found


@contextmanager
def running(
    docker: Engine, contestant: Contestant, *options: str
) -> Iterator[tuple[Running, float]]:
    """Run a contestant on a volume of its own until it is ready; yield it and the seconds it took.

    The volume of its image stays, so that the database is at head the next time, and for those
    without steps.
    """
    name = f"edgepaas-bench-{uuid.uuid4().hex[:8]}"
    slug = "".join(letter if letter.isalnum() else "-" for letter in contestant.image.lower())
    command = ["run", "--detach", "--name", name, "--publish", "127.0.0.1::8000"]
    command += ["--volume", f"edgepaas-bench-{slug}:/data", *options]
    command += [word for each in contestant.environment for word in ("--env", each)]
    try:
        started = time.monotonic()
        docker.output(*command, contestant.image, *contestant.command)
        address = docker.output("port", name, "8000/tcp").splitlines()[0]
        wait_until_ready(docker, name, f"http://{address}/health/ready")
        yield Running(docker, name, f"http://{address}"), time.monotonic() - started
    finally:
        docker.run("rm", "--force", name)


def wait_until_ready(docker: Engine, name: str, url: str) -> None:
    """Wait for the first 200; raises Failure with the end of the log."""
    began = looked = time.monotonic()
    what = f"was not ready in {READY_SECONDS:g} s"
    while time.monotonic() < began + READY_SECONDS:
        with suppress(URLError, OSError), urlopen(url, timeout=2):
            return
        time.sleep(POLL_SECONDS)
        if time.monotonic() > looked + LOOK_SECONDS:
            looked = time.monotonic()
            if docker.output("inspect", "--format={{.State.Running}}", name) != "true":
                what = "has ended"
                break
    log = docker.run("logs", "--tail", "20", name)
    raise Failure(f"{name} {what}:\n{log.stdout}{log.stderr}")


def remove_volumes(docker: Engine) -> None:
    """Remove the volumes of all contestants."""
    names = docker.output("volume", "ls", "--quiet", "--filter", "name=edgepaas-bench-").split()
    if names:
        docker.run("volume", "rm", *names)


def layer_sizes(docker: Engine, image: str) -> tuple[float, float]:
    """Return the megabytes of an image: as the engine counts it, and as `gzip` packs it."""
    whole = int(docker.output("image", "inspect", "--format", "{{.Size}}", image)) / 1e6
    pack = f"{docker.client} save {image} | gzip -6 | wc -c"
    packed = subprocess.run(pack, shell=True, capture_output=True, text=True, check=True).stdout  # noqa: S602 - names of ours
    return whole, int(packed) / 1e6
