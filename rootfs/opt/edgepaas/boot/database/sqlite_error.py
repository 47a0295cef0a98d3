"""What an error of SQLite's own means for the file and for the boot."""

import sqlite3
from pathlib import Path

from boot.database.schema_error import SchemaError
from boot.exit_status import ExitStatus

NO_ROOM = ("free space on the volume", ExitStatus.IO)
NOT_WRITABLE = ("mount the volume writable for this user", ExitStatus.CANNOT_WRITE)
IN_USE = ("try again later", ExitStatus.TEMPORARY)
CAUSES = {
    "SQLITE_FULL": NO_ROOM,
    "SQLITE_IOERR": NO_ROOM,
    "SQLITE_READONLY": NOT_WRITABLE,
    "SQLITE_CANTOPEN": NOT_WRITABLE,
    "SQLITE_PERM": NOT_WRITABLE,
    "SQLITE_BUSY": IN_USE,
    "SQLITE_LOCKED": IN_USE,
}
NO_DATABASE = (
    "move the file away if it is no SQLite database; it was not touched",
    ExitStatus.SCHEMA,
)


def cause(error: BaseException | None) -> tuple[str, ExitStatus] | None:
    """Return advice and status for an error that the file's place is to blame for, else None."""
    name = getattr(error, "sqlite_errorname", "")
    return next((found for prefix, found in CAUSES.items() if name.startswith(prefix)), None)


def unusable(path: Path, error: sqlite3.Error) -> SchemaError:
    """Return the end of a step that met `error` in the file at `path`."""
    return SchemaError(f"{path}: {error}", *(cause(error) or NO_DATABASE))


def failed(path: Path, error: OSError) -> SchemaError:
    """Return the end of a step for which the volume failed."""
    return SchemaError(
        f"{error.filename or path}: {error.strerror}",
        "see that the volume is writable and not full",
        ExitStatus.IO,
    )
