"""The tests: all side by side, then the few that failed once more, alone."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from scripts.console import say
from scripts.steps import FAILED, OK, SKIPPED, Outcome

# One more than there are processors: tests wait for servers and containers more than they compute.
# A file stays in one process, and so does what its tests share.
IN_PARALLEL = ("-n", str((os.cpu_count() or 1) + 1), "--dist", "loadfile")
AGAIN_MOST = 3  # what breaks more than these is no accident of timing
TESTS_FAILED = 1  # pytest's status; others are no failure of a test
CLOSING_LINE = re.compile(r"(\d+ \w+.*) in [\d.]+s")
FAILURE = re.compile(r"(?:FAILED|ERROR) (tests/.+?|test_.+?)(?: - |$)")
ESCAPES = re.compile(r"\x1b\[[\d;]*m")


@dataclass(frozen=True)
class Ended:
    """How pytest ended: its status, its closing line, and the tests it says failed."""

    status: int
    closing: str
    failed: tuple[str, ...]


def run(folder: Path, environment: dict[str, str], words: tuple[str, ...] = ()) -> Outcome:
    """Run the tests of `folder` that `words` choose.

    Containers, databases and a browser share few processors: a test may miss its time beside the
    others. At most three that failed are run again, alone. One that then passes fails nothing,
    and is named to the end, for its timing is to be mended.
    """
    started = time.monotonic()
    first = pytest(folder, environment, (*IN_PARALLEL, *words))
    state, note = OK if first.status == 0 else FAILED, first.closing
    if first.status == TESTS_FAILED and 0 < len(first.failed) <= AGAIN_MOST:
        say(f"{len(first.failed)} failed: once more, alone")
        if pytest(folder, environment, ("--last-failed", *words)).status == 0:
            state, note = OK, f"{note}; passed alone: {', '.join(first.failed)}"
            say(f"warning: failed beside other tests, passed alone: {', '.join(first.failed)}")
    if state == OK and "skipped" in first.closing:
        state = SKIPPED
    return Outcome("tests", state, time.monotonic() - started, note)


def pytest(folder: Path, environment: dict[str, str], words: tuple[str, ...]) -> Ended:
    """Run pytest as a person would; what it prints is seen."""
    command = ["python", "-m", "pytest", *words]
    if sys.stdout.isatty():
        command.append("--color=yes")
    say(" ".join(command))
    closing, failed = "no closing line", []
    with subprocess.Popen(
        command, cwd=folder, env=environment, stdout=subprocess.PIPE, text=True, errors="replace"
    ) as process:
        for line in process.stdout or ():
            print(line, end="", flush=True)
            plain = ESCAPES.sub("", line).rstrip()
            found = CLOSING_LINE.search(plain)
            closing = found.group(1) if found else closing
            failure = FAILURE.match(plain)
            failed += [failure.group(1)] if failure else []
    return Ended(process.returncode, closing, tuple(failed))
