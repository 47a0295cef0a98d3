"""The right to migrate one PostgreSQL database: a session lock on the connection that migrates.

Lock and statements share one connection, so that the lock cannot end before the last statement
of a killed migrator has.
"""

import os
import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from typing import Any

import psycopg2

from boot.database.deadline import Deadline
from boot.database.schema_error import SchemaError
from boot.exit_status import ExitStatus

KEY = int.from_bytes(b"edgepaas")
CONNECT_SECONDS = 5
ANSWER_SECONDS = 10.0
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


@contextmanager
def hold(
    parameters: Mapping[str, str], deadline: Deadline, waiting: Callable[[], None]
) -> Iterator[Any]:
    """Yield a psycopg2 connection that holds the lock, in transaction mode.

    Calls `waiting` once if another holds it. Raises SchemaError (75) when the deadline passes,
    psycopg2.Error when the server is lost.
    """
    with closing(_connect(parameters)) as connection:
        connection.autocommit = True
        with _cut_if_deaf(connection, ANSWER_SECONDS):
            for name, value in SETTINGS.items():
                _ask(connection, SET_UNLESS_CHOSEN, {"name": name, "value": value})
        _take(connection, deadline, waiting)
        connection.autocommit = False
        yield connection


def _connect(parameters: Mapping[str, str]) -> Any:
    """Connect as the application would, noticing a dead peer while a long statement runs."""
    defaults: dict[str, Any] = {
        "connect_timeout": CONNECT_SECONDS,
        "keepalives_idle": 10,
        "keepalives_interval": 3,
        "keepalives_count": 3,
        "application_name": "edgepaas-migration",
    }
    return psycopg2.connect("", **{**defaults, **parameters})


def _take(connection: Any, deadline: Deadline, waiting: Callable[[], None]) -> None:
    told = False
    while not _try(connection):
        if deadline.remaining() <= 0:
            raise SchemaError(
                "another container is still migrating this database",
                "wait for it, or raise EDGEPAAS_MIGRATION_LOCK_TIMEOUT; nothing was changed",
                ExitStatus.TEMPORARY,
            )
        if not told:
            waiting()
            told = True
        deadline.nap(SHORTEST_POLL, LONGEST_POLL)


def _try(connection: Any) -> bool:
    with _cut_if_deaf(connection, ANSWER_SECONDS):
        return bool(_ask(connection, "SELECT pg_try_advisory_lock(%(key)s)", {"key": KEY}))


def _ask(connection: Any, sql: str, values: Mapping[str, object]) -> Any:
    with connection.cursor() as cursor:
        cursor.execute(sql, values)
        row = cursor.fetchone()
        return row[0] if row else None


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
