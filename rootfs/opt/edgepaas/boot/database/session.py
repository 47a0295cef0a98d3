"""One psycopg2 connection on which no wait can outlast its deadline.

psycopg2 gives no SQLSTATE for a login that failed (psycopg2#1207). libpq writes it into the
message once its verbosity is raised, which an asynchronous login leaves time for.
"""

import ctypes
import re
import select
from collections.abc import Mapping
from typing import Any, Self

import psycopg2
from psycopg2 import extensions

from boot.database.deadline import Deadline

VERBOSE = 2
SQLSTATE = re.compile(r":  ([0-9A-Z]{5}): (.*)")


class SessionError(Exception):
    """The server or libpq said no. `sqlstate` is None when it was libpq, or nobody in words."""

    def __init__(self, message: str, sqlstate: str | None = None) -> None:
        super().__init__(message)
        self.sqlstate = sqlstate


class Session:
    """An open connection, in autocommit. Closes itself as a context manager."""

    def __init__(self, parameters: Mapping[str, str], deadline: Deadline) -> None:
        """Log in. Raises SessionError, or TimeoutError when the deadline passes."""
        try:
            options: dict[str, Any] = {**parameters, "async_": True}
            self._connection: Any = psycopg2.connect("", **options)
        except psycopg2.Error as error:
            raise session_error(error) from None
        _raise_verbosity(self._connection)
        try:
            self._wait(deadline)
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def query(self, sql: str, deadline: Deadline) -> list[tuple[Any, ...]]:
        """Return all rows. Raises SessionError, or TimeoutError when the deadline passes."""
        cursor = self._connection.cursor()
        try:
            cursor.execute(sql)
            self._wait(deadline)
            rows: list[tuple[Any, ...]] = cursor.fetchall()
        except psycopg2.Error as error:
            raise session_error(error) from None
        return rows

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    def _wait(self, deadline: Deadline) -> None:
        try:
            while (state := self._connection.poll()) != extensions.POLL_OK:
                self._wait_for_socket(state, deadline)
        except psycopg2.Error as error:
            raise session_error(error) from None

    def _wait_for_socket(self, state: int, deadline: Deadline) -> None:
        poll = select.poll()
        event = select.POLLIN if state == extensions.POLL_READ else select.POLLOUT
        poll.register(self._connection.fileno(), event)
        if not poll.poll(deadline.remaining() * 1000):
            raise TimeoutError("PostgreSQL accepted the connection but does not answer")


def session_error(error: psycopg2.Error) -> SessionError:
    """Return the error with its SQLSTATE, from the driver or from a verbose message, in a line."""
    text = str(error).strip()
    found = SQLSTATE.search(text)
    state = error.pgcode or (found and found[1])
    message = found[2] if found else next(iter(text.splitlines()), type(error).__name__)
    return SessionError(message, state or None)


def _raise_verbosity(connection: Any) -> None:
    """Use the very libpq psycopg2 is linked with: symbols of dependencies resolve through it."""
    library = ctypes.CDLL(psycopg2._psycopg.__file__)  # noqa: SLF001  # the only name of the file
    library.PQsetErrorVerbosity.argtypes = [ctypes.c_void_p, ctypes.c_int]
    library.PQsetErrorVerbosity(connection.pgconn_ptr, VERBOSE)
