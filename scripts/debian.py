"""Debian's and Ubuntu's package manager, for what this project needs of the host."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

from scripts.checkout import build_directory
from scripts.console import Failure, say

OS_RELEASE = Path("/etc/os-release")
TAIL_LINES = 5


def os_release(path: Path = OS_RELEASE) -> dict[str, str]:
    """Return the fields of os-release; empty when there is none."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except OSError:
        return {}
    pairs = (line.partition("=") for line in lines if "=" in line)
    return {name: value.strip('"') for name, _, value in pairs}


def why_not_installable() -> str:
    """Say why packages cannot be installed here; an empty string when they can."""
    release = os_release()
    family = f"{release.get('ID', '')} {release.get('ID_LIKE', '')}".split()
    if not {"debian", "ubuntu"} & set(family) or shutil.which("apt-get") is None:
        return "this is neither Debian nor Ubuntu"
    if os.geteuid() != 0:
        return "installing it needs root"
    return ""


def is_known(package: str) -> bool:
    """Tell whether the package lists name `package`."""
    done = subprocess.run(["apt-cache", "show", package], capture_output=True, check=False)
    return done.returncode == 0


def is_installed(package: str) -> bool:
    """Tell whether `package` is installed and configured."""
    command = ["dpkg-query", "--show", "--showformat=${db:Status-Status}", package]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.stdout == "installed"


def _apt_get(*arguments: str) -> None:
    log = build_directory() / "apt.log"
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    command = ["apt-get", "--yes", "-o", "DPkg::Lock::Timeout=300", *arguments]
    with log.open("ab") as file:
        done = subprocess.run(
            command,
            env=environment,
            stdout=file,
            stderr=file,
            stdin=subprocess.DEVNULL,
            check=False,
        )
    if done.returncode != 0:
        lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
        raise Failure(
            f"`{' '.join(command)}` failed (no network, or no space?). The end of {log}:\n  "
            + "\n  ".join(lines[-TAIL_LINES:])
        )


def install(wanted: list[str], purpose: str, if_known: tuple[str, ...] = ()) -> None:
    """Install what is missing, with what this release has of `if_known`; raises Failure."""
    missing = [name for name in wanted if not is_installed(name)]
    if not missing:
        return
    reason = why_not_installable()
    if reason:
        raise Failure(f"{purpose} needs the packages {' '.join(missing)}, and {reason}")
    say(f"installing {' '.join(missing)} with apt, for {purpose}")
    _apt_get("update")
    extra = [name for name in if_known if is_known(name)]
    _apt_get("install", "--no-install-recommends", *missing, *extra)
