"""Which build this is: version, revision, build id and time, the same for the same commit."""

from __future__ import annotations

import os
import re
import subprocess
from dataclasses import dataclass
from datetime import datetime, timezone

from scripts.checkout import ROOT

BUILD_ID_LENGTH = 12


@dataclass(frozen=True)
class Identity:
    """What the image says of itself."""

    version: str
    revision: str
    build_id: str
    epoch: int

    @property
    def created(self) -> str:
        """The commit's time, RFC 3339 in UTC."""
        return datetime.fromtimestamp(self.epoch, timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def git(*arguments: str) -> str:
    """Return what git prints here; an empty string where there is no git or no repository."""
    try:
        done = subprocess.run(
            ["git", "-C", str(ROOT), *arguments], capture_output=True, text=True, check=False
        )
    except FileNotFoundError:
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""


def read() -> Identity:
    """Read the identity of this checkout; EDGEPAAS_BUILD_ID overrides the build id."""
    pyproject = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    version = re.search(r'^version = "(.+)"$', pyproject, re.MULTILINE)
    revision = git("rev-parse", "HEAD") or "unknown"
    dirty = "-dirty" if git("status", "--porcelain") else ""
    return Identity(
        version=version.group(1) if version else "unknown",
        revision=revision + dirty,
        build_id=os.environ.get("EDGEPAAS_BUILD_ID") or revision[:BUILD_ID_LENGTH] + dirty,
        epoch=int(git("log", "-1", "--format=%ct") or 0),
    )
