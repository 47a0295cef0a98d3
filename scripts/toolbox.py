"""What the tests and linters need of this machine: a virtual environment and Debian packages."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

from scripts import debian
from scripts.checkout import REQUIREMENTS, ROOT
from scripts.console import Failure, say
from scripts.virtualenv import Virtualenv

VENV = Virtualenv(ROOT / ".venv", (REQUIREMENTS / "runtime.txt", REQUIREMENTS / "dev.txt"))


@dataclass(frozen=True)
class Tool:
    """A program of the operating system, and the package that brings it."""

    program: str
    package: str
    purpose: str

    def is_here(self) -> bool:
        """Tell whether it is on PATH, or where Debian keeps PostgreSQL's server programs."""
        if shutil.which(self.program):
            return True
        return any(Path("/usr/lib/postgresql").glob(f"*/bin/{self.program}"))


TOOLS = (
    Tool("postgres", "postgresql", "tests against a real PostgreSQL"),
    Tool("pgbouncer", "pgbouncer", "tests through a connection pooler"),
    Tool("chromium", "chromium", "browser tests"),
    Tool("busybox", "busybox", "the health check outside a container"),
    Tool("jq", "jq", "the examples of docs/api.md"),
    Tool("promtool", "prometheus", "tests of metrics and alert rules"),
    Tool("nginx", "nginx", "tests of blue/green behind nginx"),
    Tool("haproxy", "haproxy", "tests of blue/green behind HAProxy"),
)


def ensure() -> list[str]:
    """Prepare all of it; return what is missing and cannot be had, one line each."""
    VENV.ensure()
    missing = []
    for tool in TOOLS:
        if tool.is_here():
            continue
        try:
            debian.install([tool.package], tool.purpose)
        except Failure as failure:
            missing.append(f"{tool.purpose}: {failure}")
            say(f"warning: {missing[-1]}")
    return missing
