"""Where this checkout keeps things, and what it calls them. Imports nothing of ours."""

from __future__ import annotations

import os
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LAYER = ROOT / "rootfs/opt/edgepaas"
BUILD = ROOT / "build"
REQUIREMENTS = ROOT / "requirements"
ENV_FILE = ROOT / ".env"

IMAGE = os.environ.get("IMAGE") or "edgepaas:dev"
CONTAINER = os.environ.get("CONTAINER") or "edgepaas"
VOLUME = os.environ.get("VOLUME") or f"{CONTAINER}-data"


def build_directory(*parts: str) -> Path:
    """Return a folder below build/ (not in git), made when it is missing."""
    folder = BUILD.joinpath(*parts)
    folder.mkdir(parents=True, exist_ok=True)
    return folder
