"""The journal of a fallback: every change of a row, in the file and in the transaction of the row.

What it consists of is docs/database.md's to tell; triggers write it (journal_triggers.py). Whoever
replays it reads it here, and says here how far it is.
"""

import hashlib
import json
import os
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

from boot.database import claim, journal_triggers
from boot.database.deadline import Deadline
from boot.database.schema_error import SchemaError
from boot.database.sqlite_error import failed, unusable
from boot.exit_status import ExitStatus

BUSY_SECONDS = 5.0
DEFAULT_PORT = "5432"
CHUNK = 1 << 20
KEPT = 0o440
SHORTEST_POLL, LONGEST_POLL = 0.01, 0.05


class Epoch(NamedTuple):
    """One fallback, from its first boot until its rows are in PostgreSQL again.

    `target` is the PostgreSQL it stands in for, host:port/database.
    """

    id: str
    began_at: str
    boot_id: str
    target: str


class Progress(NamedTuple):
    """How far replay says it is: a hint, the truth is in PostgreSQL."""

    through: int
    applied: int
    parked: int


class Operation(NamedTuple):
    """One change of one row.

    `base_token` None: the row is new. `token` None: the row is gone, and there is no payload.
    """

    sequence: int
    operation: str
    made_at: str
    revision: str | None
    table_name: str
    row_key: str
    base_token: str | None
    token: str | None
    payload: str | None

    @property
    def key(self) -> list[Any]:
        """The primary key's values."""
        return [decoded(value) for value in json.loads(self.row_key)]

    @property
    def values(self) -> dict[str, Any] | None:
        """The whole row by column, None where it is gone."""
        if self.payload is None:
            return None
        return {name: decoded(value) for name, value in json.loads(self.payload).items()}


class Refused(NamedTuple):
    """A table that is read-only in a fallback, and why."""

    table: str
    reason: str


def decoded(value: Any) -> Any:
    """Return the value SQLite held: None, int, float, str or bytes."""
    match value:
        case {"real": digits}:
            return float(digits)
        case {"blob": digits}:
            return bytes.fromhex(digits)
    return value


def target_of(parameters: Mapping[str, str]) -> str:
    """Return host:port/database of libpq's parameters: which database, without credentials."""
    hosts = (parameters.get("host") or parameters.get("hostaddr") or "").split(",")
    ports = (parameters.get("port") or DEFAULT_PORT).split(",")
    if len(ports) == 1:
        ports *= len(hosts)
    pairs = zip(hosts, ports, strict=False)
    places = ",".join(f"{host}:{port or DEFAULT_PORT}" for host, port in pairs)
    return f"{places}/{parameters.get('dbname') or parameters.get('user') or ''}"


class Journal:
    """The journal in the file at `path`, which may be missing or have none.

    Every method opens the file for itself and raises SchemaError where it cannot be used.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def exists(self) -> bool:
        """Tell whether the file has a journal."""
        return self.epoch() is not None

    def epoch(self) -> Epoch | None:
        """Return which fallback it is; None for a file that is missing, empty or has no journal."""
        row = self._first("SELECT id, began_at, boot_id, target FROM edgepaas_epoch")
        return Epoch(*row) if row else None

    def pending(self) -> int:
        """Return how many operations no replay has dealt with; 0 where there is no journal."""
        row = self._first(
            "SELECT count(*) FROM edgepaas_journal "
            "WHERE sequence > coalesce((SELECT max(through) FROM edgepaas_progress), 0)"
        )
        return int(row[0]) if row else 0

    def operations(self, after: int = 0, limit: int = 1000) -> list[Operation]:
        """Return up to `limit` operations of a sequence above `after`, in order."""
        if not self._has_bytes():
            return []
        with self._opened() as connection:
            found = connection.execute(
                "SELECT sequence, operation, made_at, revision, table_name, row_key, base_token, "
                "token, payload FROM edgepaas_journal WHERE sequence > ? ORDER BY sequence LIMIT ?",
                (after, limit),
            )
            return [Operation(*row) for row in found]

    def last(self) -> int:
        """Return the sequence of the newest operation; 0 where there is none."""
        row = self._first("SELECT coalesce(max(sequence), 0) FROM edgepaas_journal")
        return int(row[0]) if row else 0

    def key_columns(self, table: str) -> list[str]:
        """Return the names of a table's primary key, in the order of `row_key`."""
        with self._opened() as connection:
            found = connection.execute(
                "SELECT name FROM pragma_table_xinfo(?) WHERE pk ORDER BY pk", (table,)
            )
            return [name for (name,) in found]

    def progress(self) -> Progress:
        """Return how far replay is; zeros before its first word."""
        row = self._first("SELECT through, applied, parked FROM edgepaas_progress")
        return Progress(*row) if row else Progress(0, 0, 0)

    def advance(self, through: int, applied: int, parked: int) -> None:
        """Note that every operation up to sequence `through` is dealt with.

        `applied` and `parked` are how many of each there are in all, not how many more.
        """
        with self._opened() as connection, transaction(connection):
            connection.execute("DELETE FROM edgepaas_progress")
            row = (through, applied, parked)
            connection.execute("INSERT INTO edgepaas_progress VALUES (?, ?, ?)", row)

    def install(self, target: str, boot_id: str, revision: str) -> list[Refused]:
        """Journal every change from now on; return the tables that are read-only from now on.

        What the file holds beside its journal so far, or was changed by a migration, is journaled
        first. Call it again whenever the schema may have changed. Raises SchemaError (78) for the
        journal of another target.
        """
        with self._opened() as connection:
            connection.execute("PRAGMA journal_mode = WAL")
            with transaction(connection):
                return _install(connection, self.path, (boot_id, target), revision)

    def suspend(self) -> None:
        """Take the triggers off, so that a migration may do what it wants; install() follows."""
        if self._has_bytes():
            with self._opened() as connection, transaction(connection):
                _drop(connection, journal_triggers.present(connection))

    def close_and_keep(self) -> Path | None:
        """Set the file aside under its epoch, with its checksum; return where it is then.

        Returns None where there is no file. May be killed at any moment and called again. Raises
        SchemaError while operations are pending, while somebody has the file open, and for a
        damaged file.
        """
        epoch = self.epoch()
        if epoch is None:
            return None
        kept = self.path.with_name(f"{self.path.stem}-{epoch.id}{self.path.suffix}")
        if kept.exists():
            raise SchemaError(
                f"{kept} is there already, and {self.path} is of the same epoch",
                "one is a copy of the other: move the copy out of the directory",
            )
        with claim.take(self.path, claim.own(os.environ, exclusive=True)):
            if pending := self.pending():
                raise SchemaError(
                    f"{self.path} has {pending} operations that are not in PostgreSQL yet",
                    "replay them first: edgepaas db replay",
                )
            self._make_one_file()
            self._set_aside(kept)
        return kept

    def _set_aside(self, kept: Path) -> None:
        try:
            _write_checksum(self.path, kept)
            self.path.rename(kept)
            with suppress(PermissionError):  # another uid's file: nobody of ours writes to it
                kept.chmod(KEPT)
            _sync(kept.parent)
        except OSError as error:
            raise failed(self.path, error) from None

    def _make_one_file(self) -> None:
        """Bring the write-ahead log into the file, and see that the file is sound."""
        with self._opened() as connection:
            self._leave_wal(connection, Deadline(BUSY_SECONDS))
            (verdict,) = connection.execute("PRAGMA integrity_check(1)").fetchone()
            if verdict != "ok":
                raise SchemaError(
                    f"{self.path} is damaged: {verdict}",
                    "its rows are in PostgreSQL; keep the file, and look at the disk",
                    ExitStatus.IO,
                )

    def _leave_wal(self, connection: sqlite3.Connection, deadline: Deadline) -> None:
        """Make it one file, for which nobody else may have it open: metrics do, for moments."""
        while not _is_one_file(connection):
            if deadline.remaining() <= 0:
                raise SchemaError(
                    f"{self.path} is still open elsewhere",
                    "stop what still writes to it, and try again",
                    ExitStatus.TEMPORARY,
                )
            deadline.nap(SHORTEST_POLL, LONGEST_POLL)

    def _first(self, query: str) -> tuple[Any, ...] | None:
        """Return the first row; None where there is none, and where the file has no journal."""
        if not self._has_bytes():
            return None
        with self._opened() as connection:
            table = "SELECT 1 FROM sqlite_master WHERE name = 'edgepaas_epoch'"
            if connection.execute(table).fetchone() is None:
                return None
            row: tuple[Any, ...] | None = connection.execute(query).fetchone()
            return row

    def _has_bytes(self) -> bool:
        return self.path.exists() and bool(self.path.stat().st_size)

    @contextmanager
    def _opened(self) -> Iterator[sqlite3.Connection]:
        """Yield a connection that begins no transaction by itself and makes no new file."""
        try:
            name = f"{self.path.absolute().as_uri()}?mode=rw"
            with closing(
                sqlite3.connect(name, timeout=BUSY_SECONDS, isolation_level=None, uri=True)
            ) as connection:
                connection.text_factory = _text
                yield connection
        except sqlite3.Error as error:
            raise unusable(self.path, error) from None
        except OSError as error:
            raise failed(self.path, error) from None


@contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """Do all of the block or nothing."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
    except BaseException:
        # A full disk has rolled it back already.
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")


def _install(
    connection: sqlite3.Connection, path: Path, owner: tuple[str, str], revision: str
) -> list[Refused]:
    for statement in journal_triggers.TABLES:
        connection.execute(statement)
    _begin_epoch(connection, path, owner)
    tables = journal_triggers.tables(connection)
    wanted = journal_triggers.wanted(tables, revision)
    present = journal_triggers.present(connection)
    if wanted != present:
        _drop(connection, present)
        connection.execute(wanted.pop(f"{journal_triggers.PREFIX}tokens"))
        for table in tables:
            if not table.obstacle:
                for statement in journal_triggers.reconciling(table, revision):
                    connection.execute(statement)
        for statement in wanted.values():
            connection.execute(statement)
    return [Refused(table.name, table.obstacle) for table in tables if table.obstacle]


def _begin_epoch(connection: sqlite3.Connection, path: Path, owner: tuple[str, str]) -> None:
    """Keep the epoch there is, unless it is of another target and has nothing to lose."""
    found = connection.execute("SELECT target FROM edgepaas_epoch").fetchone()
    written = connection.execute("SELECT 1 FROM edgepaas_journal LIMIT 1").fetchone()
    _, target = owner
    if found and found[0] != target and written:
        raise SchemaError(
            f"{path} holds rows for the PostgreSQL {found[0]}, but now it would be {target}",
            "set DATABASE_URL to that one again, or move the file away; it was not touched",
            ExitStatus.CONFIG,
        )
    if not found or found[0] != target:
        connection.execute("DELETE FROM edgepaas_epoch")
        began = datetime.now(UTC).isoformat(timespec="milliseconds")
        row = (os.urandom(16).hex(), began, *owner)
        connection.execute("INSERT INTO edgepaas_epoch VALUES (?, ?, ?, ?)", row)


def _drop(connection: sqlite3.Connection, names: Iterable[str]) -> None:
    for name in names:
        connection.execute(f"DROP TRIGGER {journal_triggers.quoted(name)}")


def _is_one_file(connection: sqlite3.Connection) -> bool:
    try:
        (mode,) = connection.execute("PRAGMA journal_mode = DELETE").fetchone()
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode != sqlite3.SQLITE_BUSY:
            raise
        return False
    return bool(mode == "delete")


def _text(value: bytes) -> str:
    """A BLOB cast to TEXT need not be UTF-8; whoever writes it to PostgreSQL finds that out."""
    return value.decode("utf-8", "surrogateescape")


def _write_checksum(path: Path, kept: Path) -> None:
    """Write what `sha256sum --check` reads, beside the file as it will be called."""
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    checksum = kept.with_name(f"{kept.name}.sha256")
    unfinished = checksum.with_name(f"{checksum.name}.unfinished")
    with unfinished.open("w", encoding="utf-8") as file_of_sum:
        file_of_sum.write(f"{digest}  {kept.name}\n")
        file_of_sum.flush()
        os.fsync(file_of_sum.fileno())
    unfinished.rename(checksum)


def _sync(directory: Path) -> None:
    """Make the names in a directory durable."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
