"""Run a oneshot of the boot layer as the process it is, in a container's environment."""

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

REPOSITORY = Path(__file__).resolve().parents[2]
LAYER = REPOSITORY / "rootfs/opt/edgepaas"
APPS = REPOSITORY / "tests/support/apps"
PATIENCE = 240.0
# For a PostgreSQL that is up: a busy machine may take more than a second to log in.
PATIENT = {"EDGEPAAS_DB_WAIT_TIMEOUT": "60"}


class Ended(NamedTuple):
    """How a oneshot ended: exit status and everything it printed."""

    status: int
    output: str


class Container:
    """The directories and variables that PID 1 and env-check would have left.

    `variables` may be changed between runs; `path` is put before the import path.
    """

    def __init__(self, directory: Path, path: Path = APPS, **variables: str) -> None:
        self.directory = directory
        self.data = directory / "data"
        self.run_dir = directory / "run"
        for made in (self.data, self.run_dir):
            made.mkdir(exist_ok=True)
        self.variables = {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": os.pathsep.join(map(str, [path, LAYER, REPOSITORY])),
            "EDGEPAAS_RUN_DIR": str(self.run_dir),
            "EDGEPAAS_DATA_DIR": str(self.data),
            "EDGEPAAS_REPLICAS": "1",
            "EDGEPAAS_DB_MODE": "auto",
            "EDGEPAAS_DB_FALLBACK": "allow",
            "EDGEPAAS_DB_RETURN": "auto",
            "EDGEPAAS_DB_EPHEMERAL": "allow",
            "EDGEPAAS_DB_WAIT_TIMEOUT": "1",
            "EDGEPAAS_MIGRATE": "boot",
            "EDGEPAAS_MIGRATION_LOCK_TIMEOUT": "30",
            "EDGEPAAS_MIGRATION_TIMEOUT": "60",
            "EDGEPAAS_SCHEMA_METADATA": "shop.tables:metadata",
            "EDGEPAAS_SCHEMA_MIGRATIONS": "shop:alembic",
            "ENVIRONMENT": "development",
            "LOG_FORMAT": "json",
            **variables,
        }

    def start(self, *command: str, **variables: str) -> "subprocess.Popen[str]":
        """Start `python -m COMMAND` (or `-c`) without waiting for its end."""
        return subprocess.Popen(
            [sys.executable, "-W", "error", *command],
            env={**self.variables, **variables},
            cwd=self.directory,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def run(self, *command: str, **variables: str) -> Ended:
        """Run it to its end."""
        return ended(self.start(*command, **variables))

    def exported(self) -> Mapping[str, str]:
        """Return what stands in the container environment."""
        place = self.run_dir / "env"
        return {path.name: path.read_text() for path in place.iterdir()} if place.exists() else {}


def ended(process: "subprocess.Popen[str]") -> Ended:
    """Wait for the end of a started oneshot."""
    output, _ = process.communicate(timeout=PATIENCE)
    return Ended(process.returncode, output)
