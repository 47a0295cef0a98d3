"""The .env file, read as `docker run --env-file` reads it. Imports nothing of ours."""

from __future__ import annotations

import os
from pathlib import Path


def read(path: Path) -> dict[str, str]:
    """Return the variables of `path`, none without it; a bare NAME takes the caller's value."""
    if not path.is_file():
        return {}
    values = {}
    for line in path.read_text(encoding="utf-8").splitlines():
        name, has_value, value = line.lstrip().partition("=")
        if not name or name.startswith("#"):
            continue
        if has_value:
            values[name] = value
        elif name in os.environ:
            values[name] = os.environ[name]
    return values
