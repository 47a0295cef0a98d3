"""File systems for tests: real ones of a given size, and what /proc would say of others."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

from tests.support.skip import skip_or_fail

BLOCK = 4096


def mounts_of(directory: Path, filesystem: str) -> str:
    """Return a mountinfo in which `directory` is a mount of that type, below an overlay."""
    return (
        "22 1 0:20 / / rw,relatime - overlay overlay rw\n"
        f"24 22 8:1 / {directory} rw shared:1 - {filesystem} /dev/sda1 rw\n"
    )


def mounted(path: Path, options: str) -> Iterator[Path]:
    """Mount a tmpfs at `path` as long as the iterator stands, where that is allowed."""
    path.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        skip_or_fail(f"a tmpfs cannot be mounted: {done.stderr.strip()}")
    try:
        yield path
    finally:
        subprocess.run(["umount", "-l", str(path)], check=True)


def filled(path: Path, room: int = 0) -> None:
    """Fill the file system at `path`, but for `room` bytes."""
    with (path / "filler").open("wb", buffering=0) as filler:
        while True:
            try:
                filler.write(b"x" * BLOCK)
            except OSError:
                break
        filler.truncate(filler.tell() - room)
