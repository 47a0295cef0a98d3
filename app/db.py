"""The database: one engine per process, made at its first use and never before a fork."""

import os
import socket
import sqlite3
import threading
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import MappingProxyType
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from sqlalchemy import Connection, Engine, NullPool, create_engine, event, make_url, text
from sqlalchemy.engine import ExceptionContext
from sqlalchemy.exc import DBAPIError, InvalidatePoolError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.orm import Session

from app.settings import Settings
from app.sre import database_metrics
from app.watchdog import Watchdog

READ_ONLY = "edgepaas_read_only"
SQLITE_BUSY_SECONDS = 5
DEADLINE_SHARE_OF_STATEMENT = 0.8
NO_TABLE_STATES = frozenset({"42P01", "3F000"})
NO_WRITES = "25006"
NO_ANSWER = "the database does not answer"
TAKES_NO_WRITES = "the database takes no writes now"
TOOK_TOO_LONG = "the database took too long"
DISK_FULL = "the database's disk is full"
KINDS = MappingProxyType(
    {
        NO_ANSWER: "unreachable",
        TAKES_NO_WRITES: "read_only",
        TOOK_TOO_LONG: "slow",
        DISK_FULL: "disk_full",
    }
)
OUTAGES = MappingProxyType(
    {
        NO_WRITES: TAKES_NO_WRITES,
        "25P03": TOOK_TOO_LONG,
        "53100": DISK_FULL,
        "55P03": TOOK_TOO_LONG,
        "57014": TOOK_TOO_LONG,
    }
)
SQLITE_OUTAGES = MappingProxyType(
    {
        sqlite3.SQLITE_BUSY: TOOK_TOO_LONG,
        sqlite3.SQLITE_CANTOPEN: NO_ANSWER,
        sqlite3.SQLITE_CORRUPT: NO_ANSWER,
        sqlite3.SQLITE_FULL: DISK_FULL,
        sqlite3.SQLITE_IOERR: NO_ANSWER,
        sqlite3.SQLITE_LOCKED: TOOK_TOO_LONG,
        sqlite3.SQLITE_NOTADB: NO_ANSWER,
        sqlite3.SQLITE_PERM: NO_ANSWER,
        sqlite3.SQLITE_READONLY: TAKES_NO_WRITES,
    }
)


class Database:
    """Gives out sessions, each with one transaction and a bounded life.

    A session raises UnavailableError within seconds when the database cannot serve it, whatever
    the reason: down, frozen, locked, no free connection.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._watchdog = Watchdog()
        self._lock = threading.Lock()
        self._engine: Engine | None = None
        self.after_commit: Callable[[Session], None] = _nobody_listens

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
        """Yield a session whose changes are durable once the block has ended without an error.

        Then `after_commit` is called with it, in this thread.
        """
        with _named_errors(), Session(self.engine, expire_on_commit=False) as session:
            yield session
            session.commit()
        self.after_commit(session)

    @contextmanager
    def kept(self, *statements: str) -> Iterator[Any]:
        """Yield a driver's connection to keep, after running `statements`; then it is closed.

        Each statement is a transaction of its own. What is done after these has no deadline.
        """
        driver = self.engine.dialect.loaded_dbapi
        pooled = None
        try:
            pooled = self.engine.raw_connection()
            connection: Any = pooled.driver_connection
            if self._settings.database_backend == "postgres":
                connection.autocommit = True
            for statement in statements:
                connection.cursor().execute(statement)
            self._watchdog.call_off(pooled.info.pop("watch", None))
            yield connection
        except (driver.Error, PoolTimeoutError) as error:
            database_metrics.failed(KINDS[NO_ANSWER])
            raise UnavailableError(NO_ANSWER) from error
        finally:
            if pooled is not None:
                pooled.invalidate()

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
            max_overflow=0,
            pool_timeout=settings.database_wait,
            pool_recycle=1800,
            hide_parameters=True,
            connect_args=_connect_args(settings),
        )
        database_metrics.watch(engine)
        if settings.database_backend == "sqlite":
            prepare_sqlite(engine)
        else:
            self._bound_waits(engine)
            event.listen(engine, "handle_error", _note_demotion)
        return engine

    def _bound_waits(self, engine: Engine) -> None:
        """Let no connection be out of the pool for longer than the deadline.

        The watchdog gets a duplicate of libpq's descriptor: it stays ours whatever libpq closes.
        """

        @event.listens_for(engine, "connect")
        def connected(connection: Any, record: Any) -> None:
            duplicate = socket.socket(fileno=os.dup(connection.fileno()))
            weakref.finalize(record, duplicate.close)  # a pool that is let go closes nothing
            record.info["socket"] = duplicate
            record.info["fresh"] = True

        @event.listens_for(engine, "checkout")
        def taken(connection: Any, record: Any, proxy: Any) -> None:
            del proxy
            if not record.info.pop("fresh", False):
                self._watch(record, self._settings.database_ping_deadline)
                _ping(engine, connection)
                self._call_off(record)
            self._watch(record, self._settings.database_deadline)

        @event.listens_for(engine, "checkin")
        def returned(connection: Any, record: Any) -> None:
            if connection is not None and not connection.closed:
                # SQLAlchemy leaves False after reading, which would override a server's
                # default_transaction_read_only.
                connection.readonly = None
            self._call_off(record)

        @event.listens_for(engine, "close")
        def closing(connection: Any, record: Any) -> None:
            del connection
            self._call_off(record)
            record.info.pop("socket").close()

    def _watch(self, record: Any, seconds: float) -> None:
        record.info["watch"] = self._watchdog.watch(record.info["socket"], seconds)

    def _call_off(self, record: Any) -> None:
        self._watchdog.call_off(record.info.pop("watch", None))


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


def _connect_args(settings: Settings) -> dict[str, Any]:
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
    given = dict(parse_qsl(urlsplit(settings.database_url).query, keep_blank_values=True))
    return {name: value for name, value in arguments.items() if name not in given}


def _ping(engine: Engine, connection: Any) -> None:
    """Raise InvalidatePoolError when the connection is dead: the pool connects anew, and so it
    will for all others, so that one request waits for a frozen server and not each.
    """
    try:
        engine.dialect.do_ping(connection)
    except connection.Error as error:
        raise InvalidatePoolError(str(error)) from error


def _note_demotion(context: ExceptionContext) -> None:
    """Have the pool connect anew when a server takes no writes: it may be a primary no longer,
    and a new connection finds the one that took its place.
    """
    reads = context.connection and context.connection.get_execution_options().get(READ_ONLY)
    if getattr(context.original_exception, "pgcode", None) == NO_WRITES and not reads:
        context.is_disconnect = True


def _nobody_listens(session: Session) -> None:
    """Take note of a commit: nobody wants to know."""


@contextmanager
def _named_errors() -> Iterator[None]:
    try:
        yield
    except PoolTimeoutError as error:
        database_metrics.failed("pool")
        raise UnavailableError("every database connection is in use") from error
    except DBAPIError as error:
        if _is_missing_table(error):
            database_metrics.failed("schema")
            raise SchemaMissingError("the database has no tables yet") from error
        outage = _outage(error)
        database_metrics.failed(KINDS.get(outage, "other"))
        if outage:
            raise UnavailableError(outage) from error
        raise


def _outage(error: DBAPIError) -> str:
    """Tell an error of the database's state from one in our SQL, which SQLite calls by one name.

    Returns what to say of it, "" for one of ours.
    """
    code = getattr(error.orig, "sqlite_errorcode", None)
    if code is not None:
        return SQLITE_OUTAGES.get(code & 0xFF, "")
    known = OUTAGES.get(_state(error) or "")
    if known:
        return known
    return NO_ANSWER if error.connection_invalidated or isinstance(error, OperationalError) else ""


def _is_missing_table(error: DBAPIError) -> bool:
    return _state(error) in NO_TABLE_STATES or "no such table" in str(error.orig)


def _state(error: DBAPIError) -> str | None:
    return getattr(error.orig, "pgcode", None)
