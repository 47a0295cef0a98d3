"""make clean: remove what the other words left in the checkout, but no container and no data."""

from __future__ import annotations

import shutil

from scripts import console, native
from scripts.checkout import BUILD, ROOT
from scripts.console import Failure, say

CACHES = (".venv", ".pytest_cache", ".mypy_cache", ".ruff_cache", ".import_linter_cache")
DATA = BUILD / "data"


def main() -> int:
    """Remove build/ (its data stays), caches and the test environment; raises Failure."""
    if native.running_pid() is not None:
        raise Failure("the service runs natively out of build/; `make stop` first")
    for entry in BUILD.iterdir() if BUILD.is_dir() else ():
        if entry.is_dir() and entry != DATA:
            shutil.rmtree(entry)
        elif entry != DATA:
            entry.unlink()
    for name in CACHES:
        shutil.rmtree(ROOT / name, ignore_errors=True)
    for cache in ROOT.rglob("__pycache__"):
        shutil.rmtree(cache, ignore_errors=True)
    say("clean; containers, images, volumes and build/data stay")
    return 0


if __name__ == "__main__":
    console.run(main)
