"""make lock: the dependencies of pyproject.toml, resolved for every platform, with hashes."""

from __future__ import annotations

import os
import subprocess

from scripts import console, toolbox
from scripts.checkout import ROOT
from scripts.console import Failure

COMPILE = (
    *("uv", "pip", "compile", "--quiet", "--generate-hashes", "--universal", "--no-annotate"),
    *("--no-emit-index-url", "--no-emit-find-links", "--python-version", "3.11"),
    *("--custom-compile-command", "make lock"),
)
RUNTIME = ("--output-file", "requirements/runtime.txt", "pyproject.toml")
DEV = (
    *("--output-file", "requirements/dev.txt", "--group", "dev"),
    *("--constraint", "requirements/runtime.txt"),
)
BENCH = (
    *("--output-file", "requirements/bench.txt", "--group", "bench"),
    *("--constraint", "requirements/runtime.txt"),
)


def main() -> int:
    """Write the locks; pins stay unless UPGRADE is set in the environment."""
    toolbox.VENV.ensure()
    upgrade = ("--upgrade",) if os.environ.get("UPGRADE") else ()
    for lock in (RUNTIME, DEV, BENCH):
        command = (*COMPILE, *upgrade, *lock)
        done = subprocess.run(command, cwd=ROOT, env=toolbox.VENV.environment, check=False)
        if done.returncode != 0:
            raise Failure("uv could not resolve the dependencies; the reason stands above")
    return 0


if __name__ == "__main__":
    console.run(main)
