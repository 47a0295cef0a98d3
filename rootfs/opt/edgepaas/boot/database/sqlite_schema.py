"""The schema in a SQLite file: tables from the metadata where it is empty, else Alembic."""

import fcntl
import logging
import os
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from boot.database import compatibility, kept_file, revisions
from boot.database.compatibility import Standing, is_served, told
from boot.database.deadline import Deadline
from boot.database.metadata import import_metadata
from boot.database.revisions import Revisions
from boot.database.schema_error import SchemaError
from boot.database.schema_request import OFF, SchemaRequest
from boot.database.schema_times import STOPWATCH
from boot.database.sqlite_error import failed, unusable
from boot.database.sqlite_file import SHARED, open_to_group
from boot.database.url import SqliteUrl
from boot.exit_status import ExitStatus

if TYPE_CHECKING:
    from sqlalchemy import Engine

BUSY_SECONDS = 5.0
SHORTEST_POLL, LONGEST_POLL = 0.02, 0.2
VERSIONS = "alembic_version"
QUESTION = "SELECT version_num FROM alembic_version"
# The table as Alembic makes it.
VERSION_TABLE = (
    f"CREATE TABLE {VERSIONS} (version_num VARCHAR(32) NOT NULL, "
    "CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num))"
)

log = logging.getLogger(__name__)


def bootstrap(request: SchemaRequest, target: SqliteUrl) -> None:
    """Bring the file to the image's head. Raises SchemaError."""
    own = revisions.scan(revisions.directory_of(request.migrations))
    try:
        found = standing(target.path)
        if is_served(found, own):
            log.info("%s", told(found, own))
            return
        with _lock(target.path, Deadline(request.lock_seconds)):
            _bring_to_head(request, target, own)
    except sqlite3.Error as error:
        raise unusable(target.path, error) from None
    except OSError as error:
        raise failed(target.path, error) from None


def _bring_to_head(request: SchemaRequest, target: SqliteUrl, own: Revisions) -> None:
    """Look again under the lock, then do what the file's state asks for."""
    found = standing(target.path)
    ledger = compatibility.Ledger(own, found.rows, request.image)
    if is_served(found, own):
        log.info("%s, brought there by another container", told(found, own))
    elif not found.current:
        with STOPWATCH.migrating():
            _create(request, target, own.head(), ledger)
    elif request.policy == OFF:
        raise SchemaError(
            f"{target.path} is behind {own.head()}, and EDGEPAAS_MIGRATE=off",
            "set EDGEPAAS_MIGRATE=boot: no job can reach this file",
        )
    else:
        compatibility.warn_of_edited(own, found.rows)
        _set_copy_aside(target.path)
        with STOPWATCH.migrating():
            _migrate(request, target, ledger)
        log.info("migrated to head: %s", own.head())


def current_revisions(path: Path) -> frozenset[str]:
    """Return what the file says it is at. Raises as standing does."""
    return standing(path).current


def standing(path: Path) -> Standing:
    """Return what the file says it is at, and whom it admits; nothing for an empty or missing one.

    Raises SchemaError for tables that nobody marked, sqlite3.Error for a foreign file.
    """
    if not path.exists() or not path.stat().st_size:
        return Standing(frozenset(), {})
    with closing(sqlite3.connect(path, timeout=BUSY_SECONDS)) as connection:
        tables = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
        names = {name for (name,) in tables}

        def ask(table: str, question: str) -> Iterable[Any]:
            return connection.execute(question) if table in names else ()

        current = frozenset(row[0] for row in ask(VERSIONS, QUESTION))
        rows = compatibility.read(ask(compatibility.TABLE, compatibility.QUESTION))
    if not current and names - {VERSIONS, compatibility.TABLE}:
        raise SchemaError(
            f"{path} has tables but does not say at which revision",
            "mark it with `alembic stamp REVISION`, or move the file away; it was not touched",
        )
    return Standing(current, rows)


def _create(
    request: SchemaRequest, target: SqliteUrl, head: str, ledger: compatibility.Ledger
) -> None:
    """Make all tables and the mark of their revision in one transaction."""
    metadata = import_metadata(request.metadata)
    engine = _engine(target)
    with engine.begin() as connection:
        metadata.create_all(connection)
        connection.exec_driver_sql("DROP TABLE IF EXISTS alembic_version")
        connection.exec_driver_sql(VERSION_TABLE)
        connection.exec_driver_sql("INSERT INTO alembic_version VALUES (?)", (head,))
        for sql in ledger.created(head):
            connection.exec_driver_sql(sql)
    engine.dispose()
    open_to_group(target.path)
    log.info("created %d tables in %s, at head: %s", len(metadata.tables), target.path, head)


def _migrate(request: SchemaRequest, target: SqliteUrl, ledger: compatibility.Ledger) -> None:
    from boot.database.journal import Journal  # noqa: PLC0415  # needless at head
    from boot.database.migrator import Migrator  # noqa: PLC0415  # needless at head

    # A migration copies and drops tables: what it changes is journaled when it is done.
    Journal(target.path).suspend()
    engine = _engine(target)
    with engine.connect() as connection:
        migrator = Migrator(request.migrations, target.sqlalchemy(), ledger)
        migrator.upgrade(connection, request.migration_seconds)
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
        connection.execute("PRAGMA journal_mode = WAL")  # the file keeps it for whoever opens it

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
        with (
            kept_file.written(copy) as unfinished,
            closing(sqlite3.connect(unfinished)) as destination,
        ):
            source.backup(destination)
    open_to_group(copy)
    log.info("kept a copy of the file at revision %s: %s", revision, copy)


@contextmanager
def _lock(path: Path, deadline: Deadline) -> Iterator[None]:
    """Hold the file's neighbour `NAME.lock`. Raises SchemaError (75) when the deadline passes."""
    file = path.with_name(f"{path.name}.lock")
    descriptor = os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, SHARED)
    open_to_group(file)
    try:
        with STOPWATCH.waiting():
            _take(path, descriptor, deadline)
        yield
    finally:
        os.close(descriptor)


def _take(path: Path, descriptor: int, deadline: Deadline) -> None:
    while not _locked(descriptor):
        if deadline.remaining() <= 0:
            raise SchemaError(
                f"another container is still migrating {path}",
                "wait for it, or raise EDGEPAAS_MIGRATION_LOCK_TIMEOUT",
                ExitStatus.TEMPORARY,
            )
        deadline.nap(SHORTEST_POLL, LONGEST_POLL)


def _locked(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
