"""Where a boot leaves its files, without reading the contract. Imports nothing of ours."""

import os
from collections.abc import Mapping
from pathlib import Path

# environment.toml's default; a test holds them equal. Reading it would cost 40 ms.
RUN_DIR = "/run/edgepaas"


def run_dir(environ: Mapping[str, str] = os.environ) -> Path:
    """Return the run directory of the container this command runs in."""
    return Path(environ.get("EDGEPAAS_RUN_DIR") or RUN_DIR)
