"""The run directory: made and emptied before anything starts."""

import errno
import os
import shutil
import tempfile
from pathlib import Path

from boot.exit_status import ExitStatus
from boot.settings import Settings

STALE = (
    "env",
    "metrics",
    "web",
    "draining",
    "workers",
    "fleet-count",
    "management",
    "schema.json",
    "connections-checked",
    "boot.json",
    "exit.json",
    "supervisor.sock",
    "supervisord.pid",
    "supervisord.conf",
    "notify.sock",
)


class CannotWriteError(Exception):
    """A directory that must be writable is not; `status` is 73, or 74 for a full or broken disk."""

    def __init__(self, path: Path, error: OSError) -> None:
        super().__init__(f"{path} cannot be written: {error.strerror or error}")
        self.advice = f"mount tmpfs there, such as `docker run --tmpfs {_mount(path)}`"
        full = error.errno in {errno.ENOSPC, errno.EDQUOT, errno.EIO}
        self.status = ExitStatus.IO if full else ExitStatus.CANNOT_WRITE


def prepare(settings: Settings) -> None:
    """Make the run directory anew and see that /tmp is writable. Raises CannotWriteError.

    What an earlier boot of the same container left there would be taken for this boot's.
    """
    run = settings.run_dir
    make(run)
    try:
        for name in STALE:
            _remove(run / name)
        settings.environment.mkdir(mode=0o700)
        settings.metrics.mkdir(mode=0o700)
    except OSError as error:
        raise CannotWriteError(run, error) from error
    _try_temporary()


def make(run: Path) -> None:
    """Make the directory itself, where it is not there yet. Raises CannotWriteError."""
    try:
        run.mkdir(mode=0o775, parents=True, exist_ok=True)
    except OSError as error:
        raise CannotWriteError(run, error) from error


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _try_temporary() -> None:
    try:
        with tempfile.TemporaryFile():
            pass
    except OSError as error:  # gettempdir() found no place at all, or the place it found is full
        raise CannotWriteError(Path(os.environ.get("TMPDIR") or "/tmp"), error) from error  # noqa: S108 - only named


def _mount(path: Path) -> Path:
    """Return the top directory above `path`: what an operator mounts."""
    return Path(*path.parts[:2])
