"""What grows over a hundred thousand requests of a real mix: memory, descriptors, series, files."""

from __future__ import annotations

import json
import subprocess
import time
import uuid
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from urllib.request import Request, urlopen

from scripts.bench import rivals
from scripts.bench.contestants import VENV
from scripts.bench.rivals import Running
from scripts.checkout import ROOT
from scripts.console import Failure
from scripts.engine import Engine

REQUESTS = 100_000
WARM_UP = 30_000  # a thousand changes and more fill what remembers the newest
STEP = 10_000
SETTLE_SECONDS = 1.0
LOAD = str(ROOT / "scripts/bench/growth_load.py")
MANAGEMENT = ("--publish", "127.0.0.1::9464")
ROWS = 20
COUNT_FILES = "find /run /tmp -type f 2>/dev/null | wc -l"


@dataclass(frozen=True)
class State:
    """What a container holds after so many requests.

    `memory` is in MiB, shared parts once; `web` and `sidecar` are what they have of it.
    """

    requests: int
    memory: float
    web: float
    sidecar: float
    descriptors: int
    threads: int
    series: int
    files: int


@dataclass(frozen=True)
class Load:
    """A mix of requests to a container, about rows that are there."""

    container: Running
    management: str
    rows: tuple[str, ...]

    def send(self, requests: int) -> None:
        """Send so many; raises Failure with the first that was not answered as it should be."""
        command = [str(VENV.python), LOAD, self.container.address, self.management]
        command += [str(requests), *self.rows]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            log = self.container.docker.run("logs", "--tail", "5", self.container.name).stdout
            raise Failure(f"the load ended early: {(done.stderr or done.stdout)[-2000:]}\n{log}")


def measure(docker: Engine) -> list[State]:
    """Return the state after the warm-up, and after every further ten thousand requests.

    Raises Failure where a request was not answered as it should be.
    """
    VENV.ensure()
    with rivals.running(docker, rivals.OURS, *MANAGEMENT) as (container, _):
        rows = [new_row(container, number) for number in range(ROWS)]
        place = docker.output("port", container.name, "9464/tcp").splitlines()[0]
        management = f"http://{place}"
        sent = Load(container, management, tuple(rows))
        sent.send(WARM_UP)
        return list(states(sent))


def states(load: Load) -> Iterator[State]:
    """Yield the state now and after each step."""
    for requests in range(0, REQUESTS + 1, STEP):
        if requests:
            load.send(STEP)
        time.sleep(SETTLE_SECONDS)
        yield state(load.container, load.management, requests)


def state(container: Running, management: str, requests: int) -> State:
    """Return what a container holds now."""
    pids = container.processes()
    files = container.docker.output("exec", container.name, "sh", "-c", COUNT_FILES)
    return State(
        requests,
        container.memory(),
        container.memory("gunicorn"),
        container.memory("sidecar"),
        sum(entries(f"/proc/{pid}/fd") for pid in pids),
        sum(entries(f"/proc/{pid}/task") for pid in pids),
        series(management),
        int(files),
    )


def entries(folder: str) -> int:
    """Return how many entries a folder has."""
    return sum(1 for _ in Path(folder).iterdir())


def series(management: str) -> int:
    """Return how many series a scrape has."""
    with urlopen(f"{management}/metrics", timeout=30) as answer:
        return sum(1 for line in answer if line.strip() and not line.startswith(b"#"))


def new_row(container: Running, number: int) -> str:
    """Record a node; return its id."""
    name = f"growth-{number}-{uuid.uuid4().hex[:8]}"
    body = json.dumps({"name": name, "region": "bench"}).encode()
    head = {"Content-Type": "application/json"}
    with urlopen(Request(f"{container.address}/api/v1/nodes", body, head), timeout=30) as answer:
        return str(json.load(answer)["id"])


def table(found: list[State]) -> str:
    """Return the states for people."""
    lines = [
        f"\n{'requests':>10} {'memory':>10} {'of it web':>10} {'sidecar':>10}"
        f" {'descriptors':>12} {'threads':>8} {'series':>7} files"
    ]
    lines += [
        f"{one.requests:>10} {one.memory:>6.1f} MiB {one.web:>6.1f} MiB {one.sidecar:>6.1f} MiB"
        f" {one.descriptors:>12} {one.threads:>8}"
        f" {one.series:>7} {one.files:>5}"
        for one in found
    ]
    return "\n".join([*lines, ""])


def figures(found: list[State]) -> dict[str, object]:
    """Return the states for JSON."""
    return {"states": [asdict(one) for one in found]}
