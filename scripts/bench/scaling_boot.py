"""How long the boot of so many units takes: in a chain, and all side by side."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from scripts.bench import contestants
from scripts.bench.line import Line
from scripts.checkout import build_directory
from scripts.console import Failure

UNITS = (1, 5, 10, 25, 50, 100, 200)
READY_SECONDS = 60.0
STOP_SECONDS = 15.0
POLL_SECONDS = 0.01
PROGRAM = "/bin/true"


def measure(rounds: int) -> list[Line]:
    """Return seconds from the launch of PID 1 to ready, against units."""
    shapes = {True: "boot of a chain of oneshots", False: "boot of oneshots side by side"}
    lines = {chained: Line(name, "units", "s") for chained, name in shapes.items()}
    for _ in range(rounds):
        for number in UNITS:
            for chained, line in lines.items():
                line.add(number, boot(number, chained=chained))
    return list(lines.values())


def boot(number: int, *, chained: bool) -> float:
    """Boot so many oneshots that do nothing; return the seconds until all are done."""
    folder = build_directory("bench", "scaling")
    shutil.rmtree(folder)
    folder.mkdir()
    names = [f"unit-{each:03}" for each in range(number)]
    parents = [None, *names] if chained else [None] * number
    launch = contestants.root_of_ours(folder, zip(names, parents), lambda _: PROGRAM)
    began = time.monotonic()
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            launch.command, env=launch.environment, stdout=log, stderr=log, start_new_session=True
        )
    try:
        report = wait_until_ready(folder, process)
    finally:
        end(process)
    return float(report["started_monotonic"] + report["ready_seconds"] - began)


def wait_until_ready(folder: Path, process: subprocess.Popen[bytes]) -> dict[str, Any]:
    """Return the report of a boot that is complete; raises Failure."""
    deadline = time.monotonic() + READY_SECONDS
    while process.poll() is None and time.monotonic() < deadline:
        with suppress(OSError, ValueError):
            report: dict[str, Any] = json.loads((folder / "run/boot.json").read_text("utf-8"))
            if report["ready_seconds"] is not None:
                return report
        time.sleep(POLL_SECONDS)
    log = (folder / "log").read_text(encoding="utf-8", errors="replace")
    raise Failure(f"the units were not done in {READY_SECONDS:g} s:\n{log[-2000:]}")


def end(process: subprocess.Popen[bytes]) -> None:
    """Stop PID 1 and what it started."""
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
