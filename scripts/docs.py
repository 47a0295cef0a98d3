"""make docs: write the docs that are generated from data."""

from __future__ import annotations

import subprocess

from scripts import console, toolbox
from scripts.checkout import LAYER, ROOT


def main() -> int:
    """Write them with the test environment's Python, which is new enough."""
    toolbox.VENV.ensure()
    command = (toolbox.VENV.python, "-m", "scripts.generate_docs")
    environment = {**toolbox.VENV.environment, "PYTHONPATH": str(LAYER)}
    return subprocess.run(command, cwd=ROOT, env=environment, check=False).returncode


if __name__ == "__main__":
    console.run(main)
