"""make soak: blue/green at length, under load, with faults; the figures of docs/blue-green.md."""

from __future__ import annotations

import os
import subprocess

from scripts import console, engine, toolbox
from scripts.build import build_all
from scripts.checkout import IMAGE, ROOT

# With 4 deploys and 2 rollbacks behind nginx and 2 and 1 behind HAProxy in each round.
ROUNDS = 5
KILLS = 20
TESTS = ("tests/e2e/test_blue_green.py", "tests/e2e/test_blue_green_kills.py")


def main() -> int:
    """Build, run, return pytest's status."""
    toolbox.ensure()
    image = os.environ.get("IMAGE_UNDER_TEST")
    if not image:
        build_all(engine.ensure())
    environment = {
        **toolbox.VENV.environment,
        "IMAGE_UNDER_TEST": image or IMAGE,
        "BLUE_GREEN_ROUNDS": os.environ.get("ROUNDS") or str(ROUNDS),
        "BLUE_GREEN_KILLS": os.environ.get("KILLS") or str(KILLS),
    }
    command = ["python", "-m", "pytest", *TESTS]
    return subprocess.run(command, cwd=ROOT, env=environment, check=False).returncode


if __name__ == "__main__":
    console.run(main)
