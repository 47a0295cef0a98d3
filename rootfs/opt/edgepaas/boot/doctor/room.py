"""Is there room to write, where we must be able to?"""

import os
from collections.abc import Iterator
from pathlib import Path

from boot.doctor.evidence import Evidence
from boot.doctor.finding import Finding, Grade, bad, ok, warn
from boot.doctor.words import amount

FULL_BYTES = 1 << 20
SCARCE_SHARE = 0.05
SHARED_MEMORY = Path("/dev/shm")  # noqa: S108 - where gunicorn's heartbeats are
MOUNTS = {"run": "--tmpfs /run", "tmp": "--tmpfs /tmp", "data": "-v VOLUME:/data"}


def findings(evidence: Evidence) -> Iterator[Finding]:
    """Yield what is wrong with each place, or one line where all is well."""
    places = {
        "data": Path(evidence.value("EDGEPAAS_DATA_DIR") or "/data"),
        "run": evidence.run_dir,
        "tmp": Path(evidence.environ.get("TMPDIR") or "/tmp"),  # noqa: S108 - looked at
        "shared memory": SHARED_MEMORY,
    }
    found = [_look(name, path, evidence) for name, path in places.items()]
    wrong = [each for each in found if each.grade is not Grade.OK]
    yield from wrong
    if not wrong:
        yield ok("disk", f"free: {', '.join(each.line for each in found)}")


def _look(name: str, path: Path, evidence: Evidence) -> Finding:
    try:
        room = os.statvfs(path)
    except OSError as error:
        return _missing(name, path, error.strerror, evidence)
    # Another user than the container's tells nothing about what that may write.
    if not evidence.unreadable and not os.access(path, os.W_OK | os.X_OK):
        return _unwritable(name, path)
    return measured(path, room)


def measured(path: Path, room: os.statvfs_result) -> Finding:
    """Return what a file system has left, graded."""
    free, total = room.f_bavail * room.f_frsize, room.f_blocks * room.f_frsize
    inodes = room.f_favail / room.f_files if room.f_files else 1.0
    advice = f"free space under {path}, or give it a larger volume"
    if free < FULL_BYTES:
        return bad("disk", f"{path} is full: {amount(free)} free", advice)
    if not inodes:
        return bad("disk", f"{path} is full: no inodes are left", advice)
    if inodes < SCARCE_SHARE:
        return warn("disk", f"{path} has {room.f_favail} inodes left of {room.f_files}", advice)
    if free < SCARCE_SHARE * total:
        return warn("disk", f"{path} has {amount(free)} free of {amount(total)}", advice)
    return ok("disk", f"{path} {amount(free)}")


def _missing(name: str, path: Path, why: str | None, evidence: Evidence) -> Finding:
    if name == "run" and not evidence.alive:
        return ok("disk", f"{path} (not made yet)")
    if name == "shared memory":
        return warn("disk", f"{path}: {why}", "heartbeats go to /tmp instead; mount it as tmpfs")
    return bad("disk", f"{path}: {why}", _mount(name, path))


def _unwritable(name: str, path: Path) -> Finding:
    line = f"{path} cannot be written by uid {os.geteuid()} with gid {os.getegid()}"
    if name == "shared memory":
        return warn("disk", line, "heartbeats go to /tmp instead")
    return bad("disk", line, _mount(name, path))


def _mount(name: str, path: Path) -> str:
    example = MOUNTS.get(name, "")
    return f"mount {path} writable for this user, such as `docker run {example}`"
