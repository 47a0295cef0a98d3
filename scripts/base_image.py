"""The base image: Debian's official one, or the same made from Debian's packages."""

from __future__ import annotations

import os
import subprocess
import tempfile
from pathlib import Path

from scripts import debian
from scripts.checkout import build_directory
from scripts.console import Failure, say
from scripts.engine import Engine

SUITE = "trixie"
OFFICIAL = f"debian:{SUITE}-slim"
MADE = f"edgepaas-base:{SUITE}"
PULL_SECONDS = 15


def pull(engine: Engine, name: str) -> bool:
    """Try to fetch `name` within PULL_SECONDS."""
    try:
        return engine.run("pull", "--quiet", name, timeout=PULL_SECONDS).returncode == 0
    except subprocess.TimeoutExpired:
        return False


def make(engine: Engine) -> None:
    """Make the base image from Debian's packages under our own name; raises Failure."""
    debian.install(["mmdebstrap", "debian-archive-keyring"], "making the base image")
    say(f"making the base image {MADE} from Debian's packages (mmdebstrap, under a minute)")
    with tempfile.TemporaryDirectory(dir=build_directory()) as folder:
        archive = Path(folder) / "base.tar"
        command = ["mmdebstrap", "--variant=minbase", SUITE, str(archive)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise Failure(
                f"mmdebstrap could not make Debian {SUITE}"
                " (is there a network? is the disk full?):\n  "
                + "\n  ".join(line for line in done.stderr.splitlines() if line.startswith("E:"))
            )
        engine.output("import", "--change", f"LABEL suite={SUITE}", str(archive), MADE)


def ensure(engine: Engine) -> str:
    """Return the name of a base image that is here; BASE_IMAGE in the environment names another."""
    chosen = os.environ.get("BASE_IMAGE")
    if chosen:
        return chosen
    for name in (OFFICIAL, MADE):
        if engine.has_image(name):
            return name
    say(f"looking for {OFFICIAL} (at most {PULL_SECONDS} s)")
    if pull(engine, OFFICIAL):
        return OFFICIAL
    make(engine)
    return MADE
