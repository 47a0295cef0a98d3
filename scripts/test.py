"""make test: everything, with one summary at the end. CI=true lets nothing be skipped."""

from __future__ import annotations

import os
import shlex
import time

from scripts import console, engine, lint, steps, suite, toolbox
from scripts.build import build_all
from scripts.checkout import IMAGE, ROOT
from scripts.console import say
from scripts.steps import FAILED, OK, SKIPPED, Outcome

IN_CI = os.environ.get("CI", "").lower() in {"1", "true", "yes"}


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


def run_tests(image_is_built: bool) -> Outcome:
    """Run the tests, those of the image where there is one."""
    environment = toolbox.VENV.environment
    if image_is_built:
        environment["IMAGE_UNDER_TEST"] = IMAGE
    return suite.run(ROOT, environment, tuple(shlex.split(os.environ.get("TESTS", ""))))


def main() -> int:
    """Prepare, check, build, test, summarize; 1 if anything failed."""
    outcomes = [prepare_toolbox()]
    if outcomes[0].state != FAILED:
        outcomes += lint.check_all()
        image = build_image()
        outcomes += [image, run_tests(image_is_built=image.state == OK)]
    print(steps.summary(outcomes), flush=True)
    failed = steps.has_failed(outcomes, may_skip=not IN_CI)
    say("FAILED" if failed else "all well")
    return 1 if failed else 0


if __name__ == "__main__":
    console.run(main)
