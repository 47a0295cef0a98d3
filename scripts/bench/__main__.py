"""make bench: measure, print tables with ratios, keep the figures under build/bench.

ONLY=start,size names sections; ROUNDS is how often contestants take turns.
"""

from __future__ import annotations

import json
import os
import platform
import shutil
import signal
import sys
import time
from collections.abc import Mapping
from dataclasses import asdict
from typing import Callable

from scripts import console, debian, engine
from scripts.bench import (
    builds,
    fanout,
    growth,
    handover,
    idle,
    kept,
    losses,
    rivals,
    scaling,
    scrape,
    service,
    timeline,
)
from scripts.bench.contestants import OTHERS, OURS, VENV
from scripts.bench.measure import Sample
from scripts.checkout import build_directory
from scripts.console import Failure, say

ROUNDS = 5
Figures = Mapping[str, Mapping[str, Sample]]


def main() -> int:
    """Measure what was asked for; return 0. Raises Failure for a section that is none."""
    rounds = int(os.environ.get("ROUNDS") or ROUNDS)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))  # and clean up
    own: dict[str, Callable[[int], None]] = {
        "build": image_builds,
        "handover": chains,
        "fanout": clients,
        "losses": what_is_lost,
        "scrape": scrapes,
        "scaling": grows_with,
        "growth": grows,
        "timeline": boots,
    }
    known = [*own, *service.SECTIONS]
    wanted = (os.environ.get("ONLY") or ",".join(known)).replace(",", " ").split()
    if unknown := set(wanted) - set(known):
        raise Failure(f"ONLY={','.join(sorted(unknown))}: the sections are {', '.join(known)}")
    for name in wanted:
        if name in own:
            own[name](rounds)
    containers([name for name in wanted if name in service.SECTIONS], rounds)
    say(f"drawn in {kept.draw(build_directory('bench'))}")
    return 0


def containers(sections: list[str], rounds: int) -> None:
    """Measure whole containers."""
    if not sections:
        return
    docker = engine.ensure()
    say("building what ours is compared with, from the same base, pins and app")
    rivals.build(docker)
    try:
        for name in sections:
            say(f"{name}, {rounds} interleaved rounds")
            figures = service.SECTIONS[name](docker, rounds)
            print(compared(figures), flush=True)
            write(name, {one: each(samples) for one, samples in figures.items()})
    finally:
        rivals.remove_volumes(docker)


def by_measure(figures: Figures) -> dict[str, dict[str, Sample]]:
    """Return for each measure the sample of every contestant that has it."""
    measures = dict.fromkeys(what for samples in figures.values() for what in samples)
    return {
        what: {one: samples[what] for one, samples in figures.items() if what in samples}
        for what in measures
    }


def compared(figures: Figures) -> str:
    """Return the figures for people; a ratio is ours divided by the other's."""
    lines = []
    for what, samples in by_measure(figures).items():
        lines.append(f"\n  {what}")
        ours = samples[rivals.OURS.name]
        for one, sample in samples.items():
            ratio = f"x {ours.over(sample):.2f}" if sample.median else ""
            lines.append(f"    {one:30} {sample.told():>30} {ratio:>8}")
    return "\n".join([*lines, ""])


def chains(rounds: int) -> None:
    """Measure the hand-over between oneshots, and PID 1 at rest."""
    prepare()
    say(f"hand-over between three no-op oneshots, {rounds} interleaved rounds")
    found = handover.measure((OURS, *OTHERS), rounds)
    say("PID 1 at rest")
    rest = idle.measure()
    print(table(found, rest), flush=True)
    write("boot", {"chains": {one: each(samples) for one, samples in found.items()}, **each(rest)})


def clients(_rounds: int) -> None:
    """Measure an event's way to many WebSocket clients."""
    VENV.ensure()
    say(f"an event to {fanout.CLIENTS} WebSocket clients")
    figures = fanout.measure()
    print(fanout.table(figures), flush=True)
    write("fanout", {name: each(samples) for name, samples in figures.items()})


def what_is_lost(_rounds: int) -> None:
    """Count what a stop, a restart and a death lose."""
    say(f"what a stop, a restart and a death lose of {losses.REQUESTS} and more requests")
    lost = losses.measure(losses.REQUESTS, losses.DIRECT_TIMES)
    print(losses.table(lost), flush=True)
    write("losses", losses.figures(lost))


def image_builds(rounds: int) -> None:
    """Measure how long the image takes to build."""
    say("the image built after changes, and cold")
    figures = builds.measure(engine.ensure(), rounds)
    print(builds.table(figures), flush=True)
    write("builds", each(figures))


def scrapes(_rounds: int) -> None:
    """Measure what a scrape costs."""
    VENV.ensure()
    if shutil.which("busybox") is None:
        debian.install(["busybox"], "the health check")
    say(f"a scrape of {scrape.SERIES} series of {scrape.WORKERS} workers, and a health check")
    costs = scrape.measure()
    print(scrape.table(costs), flush=True)
    write("scrape", each(costs))


def grows_with(rounds: int) -> None:
    """Measure what grows with units, series, workers, clients and events."""
    prepare()
    say("what boot, scrape, fan-out and event tail take against how much there is of what")
    lines = scaling.measure(rounds)
    print(scaling.table(lines), flush=True)
    write("scaling", {"lines": {line.name: line.as_plain() for line in lines}})


def grows(_rounds: int) -> None:
    """Measure what a container holds after many requests."""
    say(f"what grows over {growth.REQUESTS:,} requests, after {growth.WARM_UP:,} before them")
    docker = engine.ensure()
    try:
        found = growth.measure(docker)
    finally:
        rivals.remove_volumes(docker)
    print(growth.table(found), flush=True)
    write("growth", growth.figures(found))


def boots(rounds: int) -> None:
    """Measure what each step of the boot costs."""
    docker = engine.ensure()
    say(f"what each step of the boot costs, {rounds} rounds")
    try:
        timelines = timeline.measure(docker, rounds)
    finally:
        rivals.remove_volumes(docker)
    print(timeline.table(timelines), flush=True)
    write("timeline", {database: each(steps) for database, steps in timelines.items()})


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
            ratio = chains[OURS.name][what].over(samples[what])
            cells.append(f"{samples[what].told():>26} {f'x {ratio:.2f}':>8}")
        lines.append(f"{name:30} {'   '.join(cells)}")
    lines += ["", *(f"PID 1, {what}: {sample.told()}" for what, sample in rest.items()), ""]
    return "\n".join(lines)


def write(name: str, figures: dict[str, object]) -> None:
    """Write figures as JSON, with what they were measured on and how busy that was."""
    path = build_directory("bench") / f"{name}.json"
    machine = {
        "machine": platform.machine(),
        "cpus": os.cpu_count(),
        "kernel": platform.release(),
        "at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "load": os.getloadavg(),
    }
    path.write_text(json.dumps({**machine, **figures}, indent=2) + "\n", encoding="utf-8")
    say(f"figures kept in {path}")


def each(samples: Mapping[str, Sample]) -> dict[str, object]:
    """Return samples as plain values."""
    return {name: asdict(sample) for name, sample in samples.items()}


if __name__ == "__main__":
    console.run(main)
