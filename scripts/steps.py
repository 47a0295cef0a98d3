"""Steps of a long command, each with its outcome, and the one summary at the end."""

from __future__ import annotations

import subprocess
import time
from dataclasses import dataclass
from typing import Callable

from scripts.checkout import ROOT
from scripts.console import Failure, say

OK = "ok"
FAILED = "failed"
SKIPPED = "skipped"
ABSENT = "not here"  # a tool nobody can install from here: no failure, not even in CI


@dataclass(frozen=True)
class Outcome:
    """How one step went, in how many seconds."""

    name: str
    state: str
    seconds: float = 0.0
    note: str = ""


def run_command(name: str, command: tuple[str, ...], environment: dict[str, str]) -> Outcome:
    """Run `command` at the top of the checkout; what it prints is seen."""
    say(f"{name}: {' '.join(command)}")
    started = time.monotonic()
    done = subprocess.run(command, cwd=ROOT, env=environment, check=False)
    state = OK if done.returncode == 0 else FAILED
    return Outcome(name, state, time.monotonic() - started)


def run_function(name: str, function: Callable[[], object]) -> Outcome:
    """Call `function`; a Failure is the step's failure, told at once and in the summary."""
    started = time.monotonic()
    try:
        function()
    except Failure as failure:
        say(f"{name}: {failure}")
        note = str(failure).splitlines()[0]
        return Outcome(name, FAILED, time.monotonic() - started, note)
    return Outcome(name, OK, time.monotonic() - started)


def summary(outcomes: list[Outcome]) -> str:
    """Return the table of all outcomes."""
    width = max(len(outcome.name) for outcome in outcomes)
    lines = [
        f"  {one.name:<{width}}  {one.state:<8}  {one.seconds:6.1f} s  {one.note}".rstrip()
        for one in outcomes
    ]
    return "\n".join(["", "summary", *lines, ""])


def has_failed(outcomes: list[Outcome], may_skip: bool) -> bool:
    """Tell whether the whole has failed; a skipped step counts unless `may_skip`."""
    bad = {FAILED} if may_skip else {FAILED, SKIPPED}
    return any(outcome.state in bad for outcome in outcomes)
