"""A SQLite file before SQLAlchemy opens it: may we write there, and what does it hold."""

import errno
import os
from contextlib import closing, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from boot.database.schema_error import SchemaError
from boot.database.volume import Volume
from boot.exit_status import ExitStatus

if TYPE_CHECKING:
    import sqlite3

BUSY_SECONDS = 5.0
SHARED = 0o660
OURS = {"alembic_version"}
DISK = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EIO})
# A log beside the file, a copy of a small file, and what fills up until somebody looks.
LEAST_ROOM = 16 << 20


class UnfitPlaceError(SchemaError):
    """A SQLite file cannot be served from where it is."""


class CannotWriteError(UnfitPlaceError):
    """The file or its directory cannot be written."""

    def __init__(self, path: Path, error: OSError) -> None:
        super().__init__(
            f"{path} cannot be written: {error.strerror}",
            f"mount a writable volume on {path.parent}, for user {os.geteuid()}",
            ExitStatus.IO if error.errno in DISK else ExitStatus.CANNOT_WRITE,
        )


def check_place(path: Path, place: Volume, *, ephemeral_allowed: bool) -> None:
    """See that a file may be served from `path`, which stands on `place`. Raises UnfitPlaceError.

    `ephemeral_allowed`: the file may end with the container.
    """
    if place.remote:
        raise UnfitPlaceError(
            f"{path} {place.danger}: SQLite's log would be damaged there",
            f"mount a volume of a local disk on {path.parent}, or use PostgreSQL",
            ExitStatus.CONFIG,
        )
    if place.ephemeral and not ephemeral_allowed:
        raise UnfitPlaceError(
            f"{path} {place.danger}",
            f"mount a volume on {path.parent}, or set EDGEPAAS_DB_EPHEMERAL=allow to lose it",
            ExitStatus.CONFIG,
        )
    check_writable(path)
    check_room(path.parent)


def check_room(directory: Path, least: int = LEAST_ROOM) -> None:
    """See that there are `least` bytes and a name left on the volume. Raises UnfitPlaceError (74).

    What is reserved for root does not count.
    """
    volume = os.statvfs(directory)
    free = volume.f_bavail * volume.f_frsize
    names_left = volume.f_favail or not volume.f_files
    if free < least or not names_left:
        left = f"{free >> 10} KiB" if names_left else "no name (inode)"
        raise UnfitPlaceError(
            f"{directory} has {left} left; a SQLite database needs {least >> 20} MiB to begin with",
            "free space on the volume, or mount a larger one",
            ExitStatus.IO,
        )


def check_writable(path: Path) -> None:
    """See that SQLite can write the file and make its journal beside it; raise CannotWriteError."""
    trial = path.parent / f".{path.name}.trial-{os.getpid()}"
    try:
        os.close(os.open(trial, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_NOFOLLOW, 0o600))
        trial.unlink()
        if path.exists():
            os.close(os.open(path, os.O_RDWR))
    except OSError as error:
        raise CannotWriteError(path, error) from error


def open_to_group(path: Path) -> None:
    """Let group root write our file: the next container may run as another uid of that group.

    SQLite itself makes files 0644 whatever the umask; its journals take the mode of the file.
    """
    with suppress(PermissionError):
        path.chmod(SHARED)


def rows_in(path: Path) -> int | None:
    """Return how many rows the application's tables hold; None where the file cannot be read."""
    import sqlite3  # noqa: PLC0415  # 4 ms, only where there is a file

    try:
        with closing(sqlite3.connect(path, timeout=BUSY_SECONDS)) as connection:
            return sum(_count(connection, name) for name in _tables(connection) - OURS)
    except sqlite3.Error:
        return None


def _tables(connection: "sqlite3.Connection") -> set[str]:
    found = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
    return {name for (name,) in found if not name.startswith(("sqlite_", "edgepaas_"))}


def _count(connection: "sqlite3.Connection", table: str) -> int:
    quoted = table.replace('"', '""')
    count: int = connection.execute(f'SELECT count(*) FROM "{quoted}"').fetchone()[0]  # noqa: S608  # quoted
    return count
