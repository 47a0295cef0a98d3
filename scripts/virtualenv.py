"""A virtual environment of this checkout, made from locks with hashes."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from scripts import debian
from scripts.console import Failure, say

OLDEST = (3, 11)
NEWEST_FIRST = ("python3.13", "python3.12", "python3.11", "python3", "/usr/bin/python3")
IS_USABLE = f"import ensurepip, sys, venv; sys.exit(sys.version_info < {OLDEST})"
STAMP = "edgepaas.locks"


def _is_usable(python: str) -> bool:
    try:
        done = subprocess.run([python, "-c", IS_USABLE], capture_output=True, check=False)
    except OSError:
        return False
    return done.returncode == 0


def _candidates() -> Iterator[str]:
    yield sys.executable
    yield from NEWEST_FIRST


def find_python() -> str | None:
    """Return a Python new enough that can make virtual environments; None when there is none."""
    return next((python for python in _candidates() if _is_usable(python)), None)


def ensure_python() -> str:
    """Return such a Python, installed first where that is needed and possible; raises Failure."""
    python = find_python()
    if python is None and not debian.why_not_installable():
        debian.install(["python3-venv"], "virtual environments", if_known=("python3.11-venv",))
        python = find_python()
    if python is None:
        oldest = ".".join(map(str, OLDEST))
        raise Failure(f"this needs Python {oldest} or newer with its venv module; install it")
    return python


@dataclass(frozen=True)
class Virtualenv:
    """One virtual environment and the locks it holds."""

    path: Path
    locks: tuple[Path, ...]

    @property
    def bin(self) -> Path:
        """The folder of its programs."""
        return self.path / "bin"

    @property
    def python(self) -> str:
        """Its interpreter."""
        return str(self.bin / "python")

    @property
    def environment(self) -> dict[str, str]:
        """The caller's environment with its programs first."""
        return {**os.environ, "PATH": f"{self.bin}{os.pathsep}{os.environ.get('PATH', '')}"}

    def digest(self) -> str:
        """Return what the locks are now, in one word."""
        return hashlib.sha256(b"".join(lock.read_bytes() for lock in self.locks)).hexdigest()

    def is_current(self) -> bool:
        """Tell whether it holds what the locks say."""
        stamp = self.path / STAMP
        return stamp.is_file() and stamp.read_text(encoding="utf-8") == self.digest()

    def ensure(self) -> None:
        """Make or update it; raises Failure."""
        if self.is_current():
            return
        say(f"installing {', '.join(lock.name for lock in self.locks)} into {self.path}")
        if not _is_usable(self.python):
            self._run(ensure_python(), "-m", "venv", "--without-pip", "--clear", str(self.path))
        self._run(self.python, "-m", "ensurepip")
        requirements = [option for lock in self.locks for option in ("--requirement", str(lock))]
        self._run(
            *(self.python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"),
            *("--only-binary=:all:", "--require-hashes", *requirements),
        )
        (self.path / STAMP).write_text(self.digest(), encoding="utf-8")

    def _run(self, *command: str) -> None:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            tail = "\n  ".join((done.stdout + done.stderr).splitlines()[-8:])
            raise Failure(f"`{' '.join(command[:4])} …` failed (no network? disk full?):\n  {tail}")
