"""make test: everything, with one summary at the end. CI=true lets nothing be skipped."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
import time

from scripts import console, engine, lint, steps, toolbox
from scripts.build import build_all
from scripts.checkout import IMAGE, ROOT
from scripts.console import say
from scripts.steps import FAILED, OK, SKIPPED, Outcome

IN_CI = os.environ.get("CI", "").lower() in {"1", "true", "yes"}
CLOSING_LINE = re.compile(r"(\d+ \w+.*) in [\d.]+s")
# One more than there are processors: tests wait for servers and containers more than they compute.
# A file stays in one process, and so does what its tests share.
IN_PARALLEL = ("-n", str((os.cpu_count() or 1) + 1), "--dist", "loadfile")
ESCAPES = re.compile(r"\x1b\[[\d;]*m")


def prepare_toolbox() -> Outcome:
    """Install what the tests need of this machine."""
    started = time.monotonic()
    missing: list[str] = []
    outcome = steps.run_function("toolbox", lambda: missing.extend(toolbox.ensure()))
    if outcome.state == OK and missing:
        return Outcome("toolbox", SKIPPED, time.monotonic() - started, "; ".join(missing))
    return outcome


def build_image() -> Outcome:
    """Build the image where an engine can be had."""
    started = time.monotonic()
    try:
        docker = engine.ensure()
    except engine.NoEngine as reason:
        say(f"warning: no container engine, so no test of the image: {reason}")
        return Outcome("image", SKIPPED, time.monotonic() - started, str(reason))
    return steps.run_function("image", lambda: build_all(docker))


def run_pytest(image_is_built: bool) -> Outcome:
    """Run the tests as a person would; its closing line goes into the summary."""
    environment = {**toolbox.VENV.environment, "PYTHONDONTWRITEBYTECODE": "1"}
    if image_is_built:
        environment["IMAGE_UNDER_TEST"] = IMAGE
    command = ["python", "-m", "pytest", *IN_PARALLEL, *shlex.split(os.environ.get("TESTS", ""))]
    if sys.stdout.isatty():
        command.append("--color=yes")
    say(" ".join(command))
    started = time.monotonic()
    closing = "no closing line"
    with subprocess.Popen(
        command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True, errors="replace"
    ) as process:
        for line in process.stdout or ():
            print(line, end="", flush=True)
            found = CLOSING_LINE.search(ESCAPES.sub("", line))
            closing = found.group(1) if found else closing
    state = OK if process.returncode == 0 else FAILED
    if state == OK and "skipped" in closing:
        state = SKIPPED
    return Outcome("tests", state, time.monotonic() - started, closing)


def main() -> int:
    """Prepare, check, build, test, summarize; 1 if anything failed."""
    outcomes = [prepare_toolbox()]
    if outcomes[0].state != FAILED:
        outcomes += lint.check_all()
        image = build_image()
        outcomes += [image, run_pytest(image_is_built=image.state == OK)]
    print(steps.summary(outcomes), flush=True)
    failed = steps.has_failed(outcomes, may_skip=not IN_CI)
    say("FAILED" if failed else "all well")
    return 1 if failed else 0


if __name__ == "__main__":
    console.run(main)
