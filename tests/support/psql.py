"""psql, run as an operator runs it."""

import os
import subprocess
from pathlib import Path
from typing import NamedTuple

from tests.support.postgres import programs

PATIENCE = 60.0


class Loaded(NamedTuple):
    """How psql ended and what it printed."""

    status: int
    output: str


def load(file: Path, url: str, *options: str) -> Loaded:
    """Run a script in a database."""
    done = subprocess.run(
        [
            programs() / "psql",
            "--no-psqlrc",
            f"--file={file}",
            *options,
            url.replace("+psycopg2", ""),
        ],
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
        env={"PATH": os.environ["PATH"]},
    )
    return Loaded(done.returncode, done.stdout + done.stderr)
