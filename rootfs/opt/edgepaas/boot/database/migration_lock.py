"""The right to migrate one PostgreSQL database: a session lock on the connection that migrates.

Lock and statements share one connection, so that the lock cannot end before the last statement
of a killed migrator has.
"""

import os
import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from typing import Any, NamedTuple

import psycopg2

from boot.database import client_name, pooler
from boot.database.deadline import Deadline
from boot.database.schema_error import SchemaError
from boot.database.schema_times import STOPWATCH
from boot.database.session import SessionError
from boot.database.url import PostgresUrl
from boot.exit_status import ExitStatus

KEY = int.from_bytes(b"edgepaas")
CONNECT_SECONDS = 5
ANSWER_SECONDS = 10.0
POOLER_SECONDS = 30.0
SHORTEST_POLL, LONGEST_POLL = 0.05, 1.0

# An operator's own value (options in the URL, ALTER ROLE, ALTER DATABASE) wins. The check
# interval makes the server notice a migrator that was killed, and free its lock.
SETTINGS = {
    "lock_timeout": "5s",
    "statement_timeout": "15min",
    "idle_in_transaction_session_timeout": "0",
    "client_connection_check_interval": "1s",
}
SET_UNLESS_CHOSEN = """
    SELECT set_config(name, %(value)s, false) FROM pg_settings WHERE name = %(name)s
    AND source NOT IN ('client', 'user', 'database', 'database user')
"""


# The two halves of a key stand apart in pg_locks. Of another role's session only its name is shown.
HOLDER = """
    SELECT pid, application_name, extract(epoch FROM clock_timestamp() - backend_start)::float8
    FROM pg_locks LEFT JOIN pg_stat_activity USING (pid)
    WHERE locktype = 'advisory' AND granted AND objsubid = 1
    AND (classid::bigint << 32 | objid::bigint) = %(key)s
    AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
"""


class Holder(NamedTuple):
    """Who holds the lock: a server process, what its client calls itself, how long it is there."""

    pid: int
    name: str | None
    seconds: float | None

    def __str__(self) -> str:
        age = "" if self.seconds is None else f", connected for {self.seconds:.0f} s"
        return f"{self.name or 'unnamed'} (pid {self.pid}{age})"


@contextmanager
def hold(
    parameters: Mapping[str, str],
    deadline: Deadline,
    waiting: Callable[[Holder], None],
    name: str = client_name.MIGRATES,
) -> Iterator[Any]:
    """Yield a psycopg2 connection that holds the lock, in transaction mode.

    Calls `waiting` whenever it learns that another process holds it; `name` is ours for others.
    Raises SchemaError (75) when the deadline passes, SchemaError (78) behind a transaction pooler,
    psycopg2.Error when the server is lost.
    """
    with closing(_connect(parameters, name)) as connection:
        connection.autocommit = True
        _refuse_pooler(connection, parameters)
        with _cut_if_deaf(connection, ANSWER_SECONDS):
            for setting, value in SETTINGS.items():
                _ask(connection, SET_UNLESS_CHOSEN, {"name": setting, "value": value})
        with STOPWATCH.waiting():
            _take(connection, deadline, waiting)
        connection.autocommit = False
        yield connection


def _connect(parameters: Mapping[str, str], name: str) -> Any:
    """Connect as the application would, noticing a dead peer while a long statement runs."""
    defaults: dict[str, Any] = {
        "connect_timeout": CONNECT_SECONDS,
        "keepalives_idle": 10,
        "keepalives_interval": 3,
        "keepalives_count": 3,
        "application_name": name,
    }
    return psycopg2.connect("", **{**defaults, **parameters})


def _refuse_pooler(connection: Any, parameters: Mapping[str, str]) -> None:
    """Before anything is set: a setting too would stay on a server that others use."""
    try:
        with _cut_if_deaf(connection, POOLER_SECONDS):
            shared = pooler.shares_servers(connection, parameters)
    except (SessionError, TimeoutError) as error:
        raise SchemaError(
            PostgresUrl(parameters).scrub(f"PostgreSQL behind a connection pooler: {error}"),
            "start again when the pooler has connections to give, or set "
            "EDGEPAAS_MIGRATION_DATABASE_URL past it",
            ExitStatus.TEMPORARY,
        ) from None
    if shared:
        raise SchemaError(
            "a connection pooler (pgbouncer?) gives our server to others between two "
            "transactions: the lock that keeps migrations apart would be void",
            "set EDGEPAAS_MIGRATION_DATABASE_URL to PostgreSQL itself, or to a pool in session "
            "mode; nothing was changed",
            ExitStatus.CONFIG,
        )


def _take(connection: Any, deadline: Deadline, waiting: Callable[[Holder], None]) -> None:
    told: Holder | None = None
    while not _try(connection):
        holder = _holder(connection)
        if deadline.remaining() <= 0:
            raise SchemaError(
                f"still migrating this database: {holder or told or 'another container'}",
                "wait for it, or raise EDGEPAAS_MIGRATION_LOCK_TIMEOUT; nothing was changed",
                ExitStatus.TEMPORARY,
            )
        if holder and (told is None or holder.pid != told.pid):
            waiting(holder)
            told = holder
        deadline.nap(SHORTEST_POLL, LONGEST_POLL)


def _try(connection: Any) -> bool:
    with _cut_if_deaf(connection, ANSWER_SECONDS):
        (taken,) = _ask(connection, "SELECT pg_try_advisory_lock(%(key)s)", {"key": KEY})
    return bool(taken)


def _holder(connection: Any) -> Holder | None:
    """Return who holds the lock now; None if it has just been let go."""
    with _cut_if_deaf(connection, ANSWER_SECONDS):
        found = _ask(connection, HOLDER, {"key": KEY})
    return Holder(*found) if found else None


def _ask(connection: Any, sql: str, values: Mapping[str, object]) -> Any:
    with connection.cursor() as cursor:
        cursor.execute(sql, values)
        return cursor.fetchone()


@contextmanager
def _cut_if_deaf(connection: Any, seconds: float) -> Iterator[None]:
    """Shut the socket down if the block outlasts `seconds`: libpq has no such limit."""
    with socket.socket(fileno=os.dup(connection.fileno())) as duplicate:

        def cut() -> None:
            with suppress(OSError):
                duplicate.shutdown(socket.SHUT_RDWR)

        timer = threading.Timer(seconds, cut)
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()
            timer.join()
