"""The schema in a SQLite file: tables from the metadata where it is empty, else Alembic."""

import fcntl
import logging
import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from boot.database import revisions
from boot.database.deadline import Deadline
from boot.database.revisions import Revisions, is_at_head
from boot.database.schema_error import SchemaError
from boot.database.schema_request import OFF, SchemaRequest
from boot.database.sqlite_file import SHARED, open_to_group
from boot.database.url import SqliteUrl
from boot.exit_status import ExitStatus

if TYPE_CHECKING:
    from sqlalchemy import Engine, MetaData

BUSY_SECONDS = 5.0
SHORTEST_POLL, LONGEST_POLL = 0.02, 0.2
# The table as Alembic makes it.
VERSION_TABLE = (
    "CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL, "
    "CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num))"
)

log = logging.getLogger(__name__)


def bootstrap(request: SchemaRequest, target: SqliteUrl) -> None:
    """Bring the file to the image's head. Raises SchemaError."""
    own = revisions.scan(revisions.directory_of(request.migrations))
    try:
        if is_at_head(current_revisions(target.path), own):
            log.info("at head: %s", own.head())
            return
        with _lock(target.path, Deadline(request.lock_seconds)):
            _bring_to_head(request, target, own)
    except sqlite3.Error as error:
        raise _unusable(target.path, error) from None
    except OSError as error:
        raise SchemaError(
            f"{error.filename or target.path}: {error.strerror}",
            "see that the volume is writable and not full",
            ExitStatus.IO,
        ) from None


def _bring_to_head(request: SchemaRequest, target: SqliteUrl, own: Revisions) -> None:
    """Look again under the lock, then do what the file's state asks for."""
    current = current_revisions(target.path)
    if is_at_head(current, own):
        log.info("at head: %s, brought there by another container", own.head())
    elif not current:
        _create(request, target, own.head())
    elif request.policy == OFF:
        raise SchemaError(
            f"{target.path} is behind {own.head()}, and EDGEPAAS_MIGRATE=off",
            "set EDGEPAAS_MIGRATE=boot: no job can reach this file",
        )
    else:
        _set_copy_aside(target.path)
        _migrate(request, target)
        log.info("migrated to head: %s", own.head())


def current_revisions(path: Path) -> frozenset[str]:
    """Return what the file says it is at; nothing for one that is empty or missing.

    Raises SchemaError for tables that nobody marked, sqlite3.Error for a foreign file.
    """
    if not path.exists() or not path.stat().st_size:
        return frozenset()
    with closing(sqlite3.connect(path, timeout=BUSY_SECONDS)) as connection:
        tables = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
        names = {name for (name,) in tables}
        marked = "alembic_version" in names
        rows = connection.execute("SELECT version_num FROM alembic_version") if marked else ()
        current = frozenset(name for (name,) in rows)
    if not current and names - {"alembic_version"}:
        raise SchemaError(
            f"{path} has tables but does not say at which revision",
            "mark it with `alembic stamp REVISION`, or move the file away; it was not touched",
        )
    return current


def _create(request: SchemaRequest, target: SqliteUrl, head: str) -> None:
    """Make all tables and the mark of their revision in one transaction."""
    metadata = import_metadata(request.metadata)
    engine = _engine(target)
    with engine.begin() as connection:
        metadata.create_all(connection)
        connection.exec_driver_sql("DROP TABLE IF EXISTS alembic_version")
        connection.exec_driver_sql(VERSION_TABLE)
        connection.exec_driver_sql("INSERT INTO alembic_version VALUES (?)", (head,))
    engine.dispose()
    open_to_group(target.path)
    log.info("created %d tables in %s, at head: %s", len(metadata.tables), target.path, head)


def import_metadata(name: str) -> "MetaData":
    """Return the SQLAlchemy metadata that `module:attribute` names. Raises SchemaError (78)."""
    from sqlalchemy import MetaData  # noqa: PLC0415  # 160 ms, only for an empty file

    module, _, attributes = name.partition(":")
    try:
        found: Any = import_module(module)
        for attribute in attributes.split("."):
            found = getattr(found, attribute)
    except (ImportError, AttributeError) as error:
        raise _no_metadata(name, str(error)) from None
    if not isinstance(found, MetaData):
        raise _no_metadata(name, f"it is a {type(found).__name__}")
    return found


def _no_metadata(name: str, problem: str) -> SchemaError:
    return SchemaError(
        f"EDGEPAAS_SCHEMA_METADATA={name} is no SQLAlchemy metadata: {problem}",
        "set it to module:attribute, as in app.models:Base.metadata",
        ExitStatus.CONFIG,
    )


def _migrate(request: SchemaRequest, target: SqliteUrl) -> None:
    from boot.database.migrator import Migrator  # noqa: PLC0415  # needless at head

    engine = _engine(target)
    with engine.connect() as connection:
        Migrator(request.migrations, target.sqlalchemy()).upgrade(connection)
        faults = connection.exec_driver_sql("PRAGMA foreign_key_check").fetchall()
    engine.dispose()
    if faults:
        log.warning("%d rows refer to rows that do not exist", len(faults))


def _engine(target: SqliteUrl) -> "Engine":
    """Return an engine whose DDL is transactional, as SQLite's is but the driver's is not.

    Foreign keys stay off, SQLite's default: batch mode drops and re-creates a table, and with
    them on that deletes what refers to it.
    """
    from sqlalchemy import NullPool, create_engine, event  # noqa: PLC0415  # needless at head

    engine = create_engine(
        target.sqlalchemy(), poolclass=NullPool, connect_args={"timeout": BUSY_SECONDS}
    )

    @event.listens_for(engine, "connect")
    def connected(connection: Any, _record: object) -> None:
        connection.isolation_level = None

    @event.listens_for(engine, "begin")
    def begun(connection: Any) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE")

    return engine


def _set_copy_aside(path: Path) -> None:
    """Keep the file as it was before the migration, under its revision; never replace a copy."""
    with closing(sqlite3.connect(path, timeout=BUSY_SECONDS)) as source:
        (revision,) = source.execute("SELECT max(version_num) FROM alembic_version").fetchone()
        copy = path.with_name(f"{path.name}.{revision}.bak")
        if copy.exists():
            return
        unfinished = copy.with_name(f"{copy.name}.unfinished")
        unfinished.unlink(missing_ok=True)
        with closing(sqlite3.connect(unfinished)) as destination:
            source.backup(destination)
    unfinished.rename(copy)
    log.info("kept a copy of the file at revision %s: %s", revision, copy)


@contextmanager
def _lock(path: Path, deadline: Deadline) -> Iterator[None]:
    """Hold the file's neighbour `NAME.lock`. Raises SchemaError (75) when the deadline passes."""
    file = path.with_name(f"{path.name}.lock")
    descriptor = os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, SHARED)
    open_to_group(file)
    try:
        while not _locked(descriptor):
            if deadline.remaining() <= 0:
                raise SchemaError(
                    f"another container is still migrating {path}",
                    "wait for it, or raise EDGEPAAS_MIGRATION_LOCK_TIMEOUT",
                    ExitStatus.TEMPORARY,
                )
            deadline.nap(SHORTEST_POLL, LONGEST_POLL)
        yield
    finally:
        os.close(descriptor)


def _locked(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _unusable(path: Path, error: sqlite3.Error) -> SchemaError:
    name = getattr(error, "sqlite_errorname", "")
    if name.startswith(("SQLITE_FULL", "SQLITE_IOERR")):
        return SchemaError(f"{path}: {error}", "free space on the volume", ExitStatus.IO)
    if name.startswith(("SQLITE_READONLY", "SQLITE_CANTOPEN", "SQLITE_PERM")):
        advice = "mount the volume writable for this user"
        return SchemaError(f"{path}: {error}", advice, ExitStatus.CANNOT_WRITE)
    if name.startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):
        return SchemaError(f"{path}: {error}", "try again later", ExitStatus.TEMPORARY)
    advice = "move the file away if it is no SQLite database; it was not touched"
    return SchemaError(f"{path}: {error}", advice)
