"""How long an event takes to a thousand WebSocket clients, and what they cost."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO
from urllib.error import URLError
from urllib.request import urlopen

from scripts.bench.contestants import VENV
from scripts.bench.idle import cpu_seconds, memory_mib
from scripts.bench.measure import Sample
from scripts.checkout import ROOT, build_directory
from scripts.console import Failure

CLIENTS = 1000
EVENTS = 100
RATE = 10.0
BURST = 2000
START_SECONDS = 30.0
STOP_SECONDS = 15.0
IDLE_SECONDS = 5.0
NANOSECONDS_PER_MILLISECOND = 1_000_000
LOAD = str(ROOT / "scripts/bench/fanout_load.py")
MAKE_TABLES = (
    "from app import dev_schema; from app.db import Database; from app.settings import load;"
    "dev_schema.create(Database(load()))"
)


@dataclass(frozen=True)
class Server:
    """An app to measure: how many workers serve it, and how its events are made."""

    name: str
    app: str
    workers: int
    posts: bool = False
    database: str = ""


OURS = Server("edgepaas, 2 workers, SQLite", "app.main:app", 2)
TUTORIAL = Server(
    "a loop over a list, 1 worker, no database", "scripts.bench.tutorial_manager:app", 1, posts=True
)


def measure() -> dict[str, dict[str, Sample]]:
    """Return, by server, latencies from commit to client and what the clients cost."""
    results = {}
    for server in (OURS, *on_postgres(), TUTORIAL):
        with running(server, free_port()) as serving:
            results[server.name] = serving.steady()
            if not server.posts:
                results[server.name].update(serving.burst())
    return results


def on_postgres() -> Iterator[Server]:
    """Yield ours on the empty database that BENCH_DATABASE_URL names, if any."""
    url = os.environ.get("BENCH_DATABASE_URL")
    if url:
        yield Server("edgepaas, 2 workers, PostgreSQL", "app.main:app", 2, database=url)


class Serving:
    """A server that runs, on a database of its own."""

    def __init__(self, server: Server, pid: int, port: int, environment: dict[str, str]) -> None:
        self.server = server
        self.pid = pid
        self.port = port
        self.environment = environment

    def steady(self) -> dict[str, Sample]:
        """Send some events a second to all clients."""
        empty = self._memory()
        with self.listeners(CLIENTS, EVENTS) as listeners:
            full = self._memory()
            began = self._cpu()
            time.sleep(IDLE_SECONDS)
            idle = self._cpu() - began
            began = self._cpu()
            committed = self.write(EVENTS, RATE)
            seen = json.loads(listeners.readline())
            used = self._cpu() - began
        latencies = sorted(
            (moment - committed[event]) / NANOSECONDS_PER_MILLISECOND
            for event, moments in seen.items()
            for moment in moments
        )
        self.complain_unless_complete(committed, seen, CLIENTS)
        return {
            "p50": Sample("ms", [quantile(latencies, 0.5)]),
            "p99": Sample("ms", [quantile(latencies, 0.99)]),
            "processor time for each message": Sample("us", [used / len(latencies) * 1e6]),
            "processor while nothing happens": Sample("%", [100 * idle / IDLE_SECONDS]),
            "memory for each client": Sample("KiB", [(full - empty) / CLIENTS * 1024]),
        }

    def burst(self) -> dict[str, Sample]:
        """Send many events at once to all clients."""
        with self.listeners(CLIENTS, BURST) as listeners:
            committed = self.write(BURST, 0)
            seen = json.loads(listeners.readline())
        self.complain_unless_complete(committed, seen, CLIENTS)
        last = max(moment for moments in seen.values() for moment in moments)
        seconds = (last - min(committed.values())) / NANOSECONDS_PER_MILLISECOND / 1000
        return {"events to clients in a burst": Sample("/s", [BURST * CLIENTS / seconds])}

    @contextmanager
    def listeners(self, clients: int, events: int) -> Iterator[IO[str]]:
        """Connect clients that hear so many events; yield where they then tell what they heard."""
        url = f"ws://127.0.0.1:{self.port}/ws/events"
        command = (VENV.python, LOAD, "listen", url, str(clients), str(events))
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            if process.stdout is None or process.stdout.readline() != "ready\n":
                raise Failure(f"{self.server.name}: {clients} clients could not connect")
            yield process.stdout

    def write(self, events: int, rate: float, at_once: int = 100) -> dict[str, int]:
        """Write events, so many a second or (0) in a transaction; return when each was."""
        how = ("post", f"http://127.0.0.1:{self.port}/events") if self.server.posts else ("commit",)
        command = (VENV.python, LOAD, *how, str(events), str(rate), str(at_once))
        done = subprocess.run(
            command, env=self.environment, cwd=ROOT, stdout=subprocess.PIPE, check=True
        )
        committed: dict[str, int] = json.loads(done.stdout)
        return committed

    def complain_unless_complete(
        self, committed: dict[str, int], seen: dict[str, list[int]], clients: int
    ) -> None:
        """Raise Failure unless every event has reached every client once."""
        if any(len(seen.get(event, ())) != clients for event in committed):
            raise Failure(f"{self.server.name}: not every event reached every client once")

    def _cpu(self) -> float:
        return sum(map(cpu_seconds, self._pids()))

    def _memory(self) -> float:
        return sum(memory_mib(pid)["Pss"] for pid in self._pids())

    def _pids(self) -> Sequence[int]:
        children = Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text(encoding="ascii")
        return [self.pid, *map(int, children.split())]


@contextmanager
def running(server: Server, port: int) -> Iterator[Serving]:
    """Serve an app for the length of the block."""
    folder = build_directory("bench", "fanout")
    for old in folder.glob("bench.db*"):
        old.unlink()
    environment = {
        **VENV.environment,
        "DATABASE_URL": server.database or f"sqlite:///{folder / 'bench.db'}",
        "EDGEPAAS_DATA_DIR": str(folder),
        "PYTHONPATH": str(ROOT),
    }
    subprocess.run((VENV.python, "-c", MAKE_TABLES), env=environment, cwd=ROOT, check=True)
    command = (
        *(VENV.python, "-m", "uvicorn", server.app, "--port", str(port)),
        *("--workers", str(server.workers), "--ws", "websockets-sansio", "--log-level", "warning"),
    )
    with (
        (folder / "log").open("wb") as log,
        subprocess.Popen(command, env=environment, cwd=ROOT, stdout=log, stderr=log) as process,
    ):
        try:
            wait_for(port, server.name)
            yield Serving(server, process.pid, port, environment)
        finally:
            process.terminate()
            process.wait(STOP_SECONDS)


def wait_for(port: int, name: str) -> None:
    """Wait until a server answers; raises Failure."""
    deadline = time.monotonic() + START_SECONDS
    while not answers(port):
        if time.monotonic() > deadline:
            raise Failure(f"{name} does not answer")
        time.sleep(0.05)


def answers(port: int) -> bool:
    """Tell whether a server is there."""
    try:
        urlopen(f"http://127.0.0.1:{port}/health/live", timeout=1).close()
    except (URLError, OSError):
        return False
    return True


def quantile(ordered: Sequence[float], share: float) -> float:
    """Return the value below which `share` of the values lie."""
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


def free_port() -> int:
    """Return a port nobody uses now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def table(results: dict[str, dict[str, Sample]]) -> str:
    """Return the figures for people; a ratio below 1 means ours is quicker or smaller."""
    base = results[TUTORIAL.name]
    lines = [f"\n{CLIENTS} WebSocket clients, {RATE:g} events a second to each"]
    for name, samples in results.items():
        lines.append(f"\n  {name}")
        for what, sample in samples.items():
            beside = base.get(what)
            compared = samples is not base and beside is not None and beside.median > 0
            ratio = f"x {sample.median / beside.median:.2f}" if compared and beside else ""
            lines.append(f"    {what:34} {sample.told():>18} {ratio:>8}")
    return "\n".join(lines)
