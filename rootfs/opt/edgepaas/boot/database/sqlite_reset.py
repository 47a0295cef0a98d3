"""Empties a SQLite file for `edgepaas db reset`, in one transaction with its copy."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

from boot.database import claim, kept_file
from boot.database.claim import Holder
from boot.database.losses import Losses
from boot.database.sqlite_error import unusable
from boot.database.sqlite_file import BUSY_SECONDS

MARK = "alembic_version"


def look(path: Path) -> Losses:
    """Return what emptying the file would lose. Raises SchemaError."""
    rows: dict[str, int] = {}
    revision = "none"
    if _holds_something(path):
        with _opened(path) as connection:
            tables = _names(connection, "table")
            rows = {name: _count(connection, name) for name in tables if name != MARK}
            if MARK in tables:
                found = connection.execute("SELECT version_num FROM alembic_version ORDER BY 1")
                revision = ", ".join(name for (name,) in found) or "none"
    return Losses(path.name, str(path.parent), revision, rows)


def empty(path: Path, copy: Path, us: Holder) -> int:
    """Copy the file, then drop all that is in it; return how many rows the copy holds.

    Nobody writes between the copy and the drop, and killed in between SQLite takes everything
    back. Raises SchemaError, also for a file that a container serves from, and OSError for the
    copy.
    """
    if not _holds_something(path):
        return 0
    with claim.take(path, us), _opened(path) as connection:
        connection.execute("PRAGMA foreign_keys = OFF")
        connection.execute("BEGIN IMMEDIATE")
        rows = sum(_count(connection, name) for name in _names(connection, "table") if name != MARK)
        _copy(path, copy)
        for kind in ("view", "trigger", "table"):
            for name in _names(connection, kind):
                connection.execute(f"DROP {kind} IF EXISTS {_quoted(name)}")
        connection.execute("COMMIT")
        with suppress(sqlite3.OperationalError):  # rows must not stay readable in free pages
            connection.execute("VACUUM")
        return rows


def _copy(path: Path, copy: Path) -> None:
    """Copy the file while another connection of ours keeps writers out.

    That one itself cannot be the source: SQLite calls it busy for as long as it may write.
    """
    with (
        kept_file.written(copy) as unfinished,
        closing(sqlite3.connect(path, timeout=BUSY_SECONDS)) as source,
        closing(sqlite3.connect(unfinished)) as destination,
    ):
        source.backup(destination)
        # A copy in WAL mode could not be read without making files beside it.
        destination.execute("PRAGMA journal_mode = DELETE")


def _holds_something(path: Path) -> bool:
    return path.exists() and path.stat().st_size > 0


@contextmanager
def _opened(path: Path) -> Iterator[sqlite3.Connection]:
    try:
        with closing(
            sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None)
        ) as connection:
            yield connection
    except sqlite3.Error as error:
        raise unusable(path, error) from None


def _names(connection: sqlite3.Connection, kind: str) -> list[str]:
    found = connection.execute("SELECT name FROM sqlite_master WHERE type = ? ORDER BY 1", (kind,))
    return [name for (name,) in found if not name.startswith("sqlite_")]


def _count(connection: sqlite3.Connection, table: str) -> int:
    number: int = connection.execute(f"SELECT count(*) FROM {_quoted(table)}").fetchone()[0]  # noqa: S608  # quoted
    return number


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
