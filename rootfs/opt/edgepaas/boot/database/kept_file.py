"""A new file that is there whole and on the disk, or not at all. Imports nothing of ours."""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

MODE = 0o600
NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


@contextmanager
def written(path: Path) -> Iterator[Path]:
    """Yield an empty file to fill; after the block it stands at `path`, synced, mode 0600.

    Never replaces anything: raises FileExistsError, and any other OSError of the disk. Where the
    block raises, nothing is left.
    """
    if path.exists():
        raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(path))
    unfinished = path.with_name(f".{path.name}.unfinished")
    unfinished.unlink(missing_ok=True)
    try:
        os.close(os.open(unfinished, NEW, MODE))
        yield unfinished
        _sync(unfinished, os.O_RDWR)
        unfinished.rename(path)
    finally:
        unfinished.unlink(missing_ok=True)
    _sync(path.parent, os.O_RDONLY | os.O_DIRECTORY)


def _sync(path: Path, flags: int) -> None:
    """Make a file, or the names in a directory, survive a loss of power."""
    descriptor = os.open(path, flags | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
