"""What a scrape costs the sidecar, and what Docker's health check costs, at four full workers."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

from scripts.bench.contestants import VENV
from scripts.bench.idle import cpu_seconds, memory_mib
from scripts.bench.measure import Sample
from scripts.checkout import ROOT, build_directory
from scripts.console import Failure

WORKERS = 4
SERIES = 1000
SCRAPES = 50
CHECKS = 20
START_SECONDS = 30.0
ROOTFS = ROOT / "rootfs"
HEALTHCHECK = ROOTFS / "usr/local/bin/healthcheck"
WORKER = """
import sys
from web import metric_files
metric_files.use_slot(int(sys.argv[1]))
from prometheus_client import Counter
requests = Counter("bench_requests_total", "Requests.", ["route", "status"])
for number in range(int(sys.argv[2])):
    requests.labels(f"/a/route/like/{number}", "2xx").inc()
"""


def measure() -> dict[str, Sample]:
    """Return the time and CPU time of a scrape, of a health check, and the sidecar's memory."""
    run_dir = build_directory("bench", "scrape")
    shutil.rmtree(run_dir)
    (run_dir / "metrics").mkdir(parents=True)
    with sidecar(run_dir) as (pid, port):
        empty = memory_mib(pid)["Pss"]
        for slot in range(WORKERS):
            leave_series(run_dir, slot)
        took = list(scrapes(port))
        before = cpu_seconds(pid)
        for _ in scrapes(port):
            pass
        used = (cpu_seconds(pid) - before) * 1000 / SCRAPES
        full = memory_mib(pid)["Pss"]
        checks = list(health_checks(run_dir))
    return {
        f"scrape of {SERIES} series of {WORKERS} workers": Sample("ms", took),
        "processor time of one": Sample("ms", [used]),
        "sidecar at its start, proportional memory": Sample("MiB", [empty]),
        "sidecar after scrapes": Sample("MiB", [full]),
        "health check": Sample("ms", checks),
    }


def table(figures: dict[str, Sample]) -> str:
    """Return the figures for people."""
    return "\n".join(["", *(f"{what}: {sample.told()}" for what, sample in figures.items()), ""])


def scrapes(port: int, number: int = SCRAPES) -> Iterator[float]:
    """Scrape, and yield the milliseconds of each."""
    for _ in range(number):
        began = time.perf_counter()
        fetch(port, "/metrics")
        yield (time.perf_counter() - began) * 1000


def health_checks(run_dir: Path) -> Iterator[float]:
    """Run the health check, and yield the milliseconds of each."""
    environment = {"EDGEPAAS_RUN_DIR": str(run_dir)}
    for _ in range(CHECKS):
        began = time.perf_counter()
        subprocess.run(
            (str(HEALTHCHECK),),
            env=environment,
            stdout=subprocess.DEVNULL,
            check=False,
        )
        yield (time.perf_counter() - began) * 1000


def leave_series(run_dir: Path, slot: int, series: int = SERIES) -> None:
    """Leave the files of a worker."""
    directory = {"PROMETHEUS_MULTIPROC_DIR": str(run_dir / "metrics")}
    command = (VENV.python, "-c", WORKER, str(slot), str(series))
    subprocess.run(command, env={**environment_of(run_dir, 0), **directory}, check=True)


@contextmanager
def sidecar(run_dir: Path) -> Iterator[tuple[int, int]]:
    """Run the sidecar; yield its pid and port. Raises Failure where it does not start."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
    process = subprocess.Popen(
        (VENV.python, "-m", "sidecar"), env=environment_of(run_dir, port), stdout=subprocess.DEVNULL
    )
    try:
        deadline = time.monotonic() + START_SECONDS
        while not answers(port):
            if time.monotonic() > deadline or process.poll() is not None:
                raise Failure("the sidecar did not start")
            time.sleep(0.05)
        yield process.pid, port
    finally:
        process.terminate()
        process.wait()


def environment_of(run_dir: Path, port: int) -> dict[str, str]:
    """Return what the sidecar and the workers are given."""
    return {
        **VENV.environment,
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(ROOTFS / "opt/edgepaas"),
        "EDGEPAAS_ROOT": str(ROOTFS),
        "EDGEPAAS_RUN_DIR": str(run_dir),
        "EDGEPAAS_METRICS_BIND": "127.0.0.1",
        "EDGEPAAS_METRICS_PORT": str(port),
    }


def answers(port: int) -> bool:
    """Tell whether the sidecar answers."""
    try:
        return bool(fetch(port, "/livez"))
    except URLError:
        return False


def fetch(port: int, path: str) -> bytes:
    """Return an answer's body."""
    with urlopen(f"http://127.0.0.1:{port}{path}", timeout=START_SECONDS) as answer:
        body: bytes = answer.read()
    return body
