"""Requests by wrk: how many a second, and the latency that 99 of 100 keep."""

from __future__ import annotations

import re
import shutil
import subprocess
import time
from typing import NamedTuple

from scripts import debian
from scripts.checkout import ROOT
from scripts.console import Failure

CONNECTIONS = 32
WRITE = ROOT / "scripts/bench/write.lua"
RATE = re.compile(r"Requests/sec:\s+([\d.]+)")
P99 = re.compile(r"99%\s+([\d.]+)(us|ms|s)\b")
MILLISECONDS = {"us": 0.001, "ms": 1.0, "s": 1000.0}
WRONG = re.compile(r"Non-2xx or 3xx responses|Socket errors")


class Answered(NamedTuple):
    """Requests a second, and their 99th percentile in milliseconds."""

    rate: float
    p99: float


def ensure() -> None:
    """Install wrk where it is missing. Raises Failure."""
    if shutil.which("wrk") is None:
        debian.install(["wrk"], "the load of the bench")


def ask(url: str, token: str, seconds: int, *, write: bool = False) -> Answered:
    """Ask for `url` on 32 connections; raises Failure unless every answer is a success."""
    command = ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds}s", "--timeout=20s", "--latency"]
    command += ["--header", f"Authorization: Bearer {token}"]
    if write:
        command += ["--header", "Content-Type: application/json", "--script", str(WRITE)]
    command += [url, *(["--", f"run-{time.monotonic_ns()}"] if write else [])]
    told = subprocess.run(command, capture_output=True, text=True, check=False).stdout
    rate, p99 = RATE.search(told), P99.search(told)
    if WRONG.search(told) or not rate or not p99:
        raise Failure(f"{url} was not answered as it should be:\n{told}")
    return Answered(float(rate[1]), float(p99[1]) * MILLISECONDS[p99[2]])
