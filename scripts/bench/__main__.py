"""make bench: measure, print a table with ratios, keep the figures under build/bench."""

from __future__ import annotations

import json
import os
import platform
import shutil
from dataclasses import asdict

from scripts import console, debian
from scripts.bench import handover, idle
from scripts.bench.contestants import OTHERS, OURS, VENV
from scripts.bench.measure import Sample
from scripts.checkout import build_directory
from scripts.console import Failure, say

ROUNDS = 15


def main() -> int:
    """Measure everything; return 0."""
    prepare()
    rounds = int(os.environ.get("ROUNDS") or ROUNDS)
    say(f"hand-over between three no-op oneshots, {rounds} interleaved rounds")
    chains = handover.measure((OURS, *OTHERS), rounds)
    say("PID 1 at rest")
    rest = idle.measure()
    print(table(chains, rest), flush=True)
    keep(chains, rest)
    return 0


def prepare() -> None:
    """Install what the others need; raises Failure."""
    VENV.ensure()
    if shutil.which("s6-svscan") is None:
        debian.install(["s6"], "the baseline of the bench")
    if shutil.which("s6-svscan") is None:
        raise Failure("s6 is not installed; install Debian's package s6")


def table(chains: dict[str, dict[str, Sample]], rest: dict[str, Sample]) -> str:
    """Return the figures for people; a ratio below 1 means ours is quicker."""
    lines = [f"\n{'':30} {'hand-over':>26} {'ours is':>8} {'launch to end':>28} {'ours is':>8}"]
    for name, samples in chains.items():
        cells = []
        for what in ("hand-over", "launch to end"):
            ratio = chains[OURS.name][what].median / samples[what].median
            cells.append(f"{samples[what].told():>26} {f'x {ratio:.2f}':>8}")
        lines.append(f"{name:30} {'   '.join(cells)}")
    lines += ["", *(f"PID 1, {what}: {sample.told()}" for what, sample in rest.items()), ""]
    return "\n".join(lines)


def keep(chains: dict[str, dict[str, Sample]], rest: dict[str, Sample]) -> None:
    """Write the figures as JSON."""
    path = build_directory("bench") / "boot.json"
    machine = {"machine": platform.machine(), "cpus": os.cpu_count(), "kernel": platform.release()}
    figures = {
        **machine,
        "chains": {name: each(samples) for name, samples in chains.items()},
        "pid1": each(rest),
    }
    path.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")
    say(f"figures kept in {path}")


def each(samples: dict[str, Sample]) -> dict[str, object]:
    """Return samples as plain values."""
    return {name: asdict(sample) for name, sample in samples.items()}


if __name__ == "__main__":
    console.run(main)
