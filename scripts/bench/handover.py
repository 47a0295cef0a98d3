"""How long from the end of one oneshot to the beginning of the next."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

from scripts.bench.contestants import STEPS, Chain, Contestant
from scripts.bench.measure import Sample
from scripts.checkout import build_directory
from scripts.console import Failure

NANOSECONDS_PER_MILLISECOND = 1_000_000
TIMEOUT_SECONDS = 30.0
POLL_SECONDS = 0.005


def measure(contestants: Sequence[Contestant], rounds: int) -> dict[str, dict[str, Sample]]:
    """Return, by contestant, milliseconds from end to begin and from launch to the last end.

    Contestants take turns, so that what else the machine does falls on all alike.
    """
    results: dict[str, dict[str, Sample]] = {
        one.name: {"hand-over": Sample("ms"), "launch to end": Sample("ms")} for one in contestants
    }
    for _ in range(rounds):
        for one in contestants:
            gaps, total = run_once(one, build_directory("bench", "chain"))
            results[one.name]["hand-over"].values.extend(gaps)
            results[one.name]["launch to end"].values.append(total)
    return results


def run_once(contestant: Contestant, folder: Path) -> tuple[list[float], float]:
    """Run the chain once; return its gaps and its whole, in milliseconds."""
    started = time.time_ns()
    with Chain(contestant, folder):
        wait_for(folder / f"{STEPS[-1]}.end", contestant.name, folder)
        begins = [stamp(folder / f"{name}.begin") for name in STEPS]
        ends = [stamp(folder / f"{name}.end") for name in STEPS]
    gaps = [begin - end for begin, end in zip(begins[1:], ends)]
    total = ends[-1] - started
    return [gap / NANOSECONDS_PER_MILLISECOND for gap in gaps], total / NANOSECONDS_PER_MILLISECOND


def stamp(path: Path) -> int:
    """Return the nanoseconds a step wrote."""
    return int(path.read_text(encoding="ascii"))


def wait_for(path: Path, name: str, folder: Path) -> None:
    """Wait until a file has content; raises Failure with the log's end."""
    deadline = time.monotonic() + TIMEOUT_SECONDS
    while not (path.exists() and path.stat().st_size):
        if time.monotonic() > deadline:
            log = (folder / "log").read_text(encoding="utf-8", errors="replace")[-2000:]
            raise Failure(f"{name} did not finish the chain in {TIMEOUT_SECONDS:g} s:\n{log}")
        time.sleep(POLL_SECONDS)
