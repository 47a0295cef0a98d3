"""The database: one engine per process, made at its first use and never before a fork."""

import os
import socket
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import URL, Connection, Engine, NullPool, create_engine, event, make_url, text
from sqlalchemy.exc import DBAPIError, DisconnectionError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.orm import Session

from app.settings import Settings
from app.watchdog import Watchdog

READ_ONLY = "edgepaas_read_only"
SQLITE_BUSY_SECONDS = 5
DEADLINE_SHARE_OF_STATEMENT = 0.8
NO_TABLE_STATES = frozenset({"42P01", "3F000"})
OUTAGE_STATES = frozenset({"25006", "25P03"})  # read-only after a failover; idle for too long
SQLITE_OUTAGES = frozenset(
    {
        sqlite3.SQLITE_BUSY,
        sqlite3.SQLITE_CANTOPEN,
        sqlite3.SQLITE_CORRUPT,
        sqlite3.SQLITE_FULL,
        sqlite3.SQLITE_IOERR,
        sqlite3.SQLITE_LOCKED,
        sqlite3.SQLITE_NOTADB,
        sqlite3.SQLITE_PERM,
        sqlite3.SQLITE_READONLY,
    }
)


class Database:
    """Gives out sessions, each with one transaction and a bounded life.

    A session raises UnavailableError within seconds when the database cannot serve it, whatever
    the reason: down, frozen, locked, no free connection.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._watchdog = Watchdog(settings.database_deadline)
        self._lock = threading.Lock()
        self._engine: Engine | None = None

    @property
    def engine(self) -> Engine:
        """The engine, made now if this is its first use."""
        with self._lock:
            if self._engine is None:
                self._engine = self._make_engine()
            return self._engine

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """Yield a session that cannot write and, on SQLite, waits for no writer."""
        engine = self.engine.execution_options(postgresql_readonly=True, **{READ_ONLY: True})
        with _named_errors(), Session(engine, expire_on_commit=False) as session:
            yield session

    @contextmanager
    def writing(self) -> Iterator[Session]:
        """Yield a session whose changes are durable once the block has ended without an error."""
        with _named_errors(), Session(self.engine, expire_on_commit=False) as session:
            yield session
            session.commit()

    def dispose(self) -> None:
        """Close the idle connections; a later use opens new ones."""
        with self._lock:
            if self._engine is not None:
                self._engine.dispose()
        self._watchdog.close()

    def _make_engine(self) -> Engine:
        settings = self._settings
        url = make_url(settings.database_url)
        engine = create_engine(
            url,
            pool_size=settings.database_pool_size,
            max_overflow=settings.database_pool_overflow,
            pool_timeout=settings.database_pool_wait,
            pool_recycle=1800,
            hide_parameters=True,
            connect_args=_connect_args(url, settings),
        )
        if settings.database_backend == "sqlite":
            prepare_sqlite(engine)
        else:
            self._bound_waits(engine)
        return engine

    def _bound_waits(self, engine: Engine) -> None:
        """Let no connection be out of the pool for longer than the deadline.

        The watchdog gets a duplicate of libpq's descriptor: it stays ours whatever libpq closes.
        """

        @event.listens_for(engine, "connect")
        def connected(connection: Any, record: Any) -> None:
            record.info["socket"] = socket.socket(fileno=os.dup(connection.fileno()))
            record.info["fresh"] = True

        @event.listens_for(engine, "checkout")
        def taken(connection: Any, record: Any, proxy: Any) -> None:
            del proxy
            record.info["watch"] = self._watchdog.watch(record.info["socket"])
            if not record.info.pop("fresh", False):
                _ping(engine, connection)

        @event.listens_for(engine, "checkin")
        def returned(connection: Any, record: Any) -> None:
            del connection
            self._watchdog.call_off(record.info.pop("watch", None))

        @event.listens_for(engine, "close")
        def closing(connection: Any, record: Any) -> None:
            del connection
            self._watchdog.call_off(record.info.pop("watch", None))
            record.info.pop("socket").close()


class UnavailableError(Exception):
    """The database cannot serve now; the message is safe to show, retrying may help."""


class SchemaMissingError(UnavailableError):
    """The database answers but has no tables for us."""


def prepare_sqlite(engine: Engine) -> None:
    """Make SQLite safe for several writers and as durable as PostgreSQL."""

    @event.listens_for(engine, "connect")
    def connected(connection: Any, record: Any) -> None:
        del record
        connection.isolation_level = None  # we say BEGIN ourselves
        for pragma in (
            f"busy_timeout = {SQLITE_BUSY_SECONDS * 1000}",
            "journal_mode = WAL",
            "synchronous = FULL",
            "foreign_keys = ON",
        ):
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def begun(connection: Connection) -> None:
        reads = connection.get_execution_options().get(READ_ONLY)
        connection.exec_driver_sql("BEGIN" if reads else "BEGIN IMMEDIATE")


@contextmanager
def connect_for_migration(url: str) -> Iterator[Connection]:
    """Yield a connection with no deadline, for schema changes that may take their time."""
    engine = create_engine(url, poolclass=NullPool)
    if engine.dialect.name == "sqlite":
        prepare_sqlite(engine)
    with engine.connect() as connection:
        yield connection


def revision(session: Session) -> str | None:
    """Return the schema's revision, None where it was never set; raise SchemaMissingError."""
    return session.execute(text("SELECT version_num FROM alembic_version")).scalar()


def _connect_args(url: URL, settings: Settings) -> dict[str, Any]:
    """Return what the driver gets besides the URL; what the URL itself says wins.

    A pooler that refuses `options` is satisfied by `?options=` in the URL.
    """
    if settings.database_backend == "sqlite":
        return {"timeout": SQLITE_BUSY_SECONDS}
    statement = int(settings.database_deadline * DEADLINE_SHARE_OF_STATEMENT * 1000)
    limits = {
        "statement_timeout": statement,
        "lock_timeout": statement // 2,
        "idle_in_transaction_session_timeout": 60_000,
        "client_connection_check_interval": 5_000,
    }
    arguments = {
        "application_name": settings.application_name,
        "connect_timeout": settings.database_connect_timeout,
        "keepalives_idle": 10,
        "keepalives_interval": 3,
        "keepalives_count": 3,
        "tcp_user_timeout": 10_000,
        "options": " ".join(f"-c {name}={value}" for name, value in limits.items()),
    }
    return {name: value for name, value in arguments.items() if name not in url.query}


def _ping(engine: Engine, connection: Any) -> None:
    """Raise DisconnectionError, which makes the pool reconnect, when the connection is dead."""
    try:
        engine.dialect.do_ping(connection)
    except connection.Error as error:
        raise DisconnectionError(str(error)) from error


@contextmanager
def _named_errors() -> Iterator[None]:
    try:
        yield
    except PoolTimeoutError as error:
        raise UnavailableError("every database connection is in use") from error
    except DBAPIError as error:
        if _is_missing_table(error):
            raise SchemaMissingError("the database has no tables yet") from error
        if error.connection_invalidated or _is_outage(error):
            raise UnavailableError("the database does not answer") from error
        raise


def _is_outage(error: DBAPIError) -> bool:
    """Tell an error of the database's state from one in our SQL, which SQLite calls by one name."""
    code = getattr(error.orig, "sqlite_errorcode", None)
    if code is not None:
        return code & 0xFF in SQLITE_OUTAGES
    return isinstance(error, OperationalError) or _state(error) in OUTAGE_STATES


def _is_missing_table(error: DBAPIError) -> bool:
    return _state(error) in NO_TABLE_STATES or "no such table" in str(error.orig)


def _state(error: DBAPIError) -> str | None:
    return getattr(error.orig, "pgcode", None)
