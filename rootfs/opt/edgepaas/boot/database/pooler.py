"""Whether a connection keeps one server to itself: through a transaction pooler it does not.

There a session lock is void (another client gets it too) and may stay held for ever.
"""

from collections.abc import Mapping
from contextlib import ExitStack
from typing import Any

from boot.database.deadline import Deadline
from boot.database.session import Session, SessionError

ANSWER_SECONDS = 5.0
SERVER_SECONDS = 2.0
OTHERS = 3
SERVER = "SELECT pg_backend_pid()"
OCCUPY = f"BEGIN; {SERVER}"
STATEMENT_POOLING = "statement pooling"


def shares_servers(connection: Any, parameters: Mapping[str, str]) -> bool:
    """Tell whether others are given the connection's server between two of its transactions.

    `connection` is psycopg2's, in autocommit. Raises SessionError, TimeoutError, psycopg2.Error.
    """
    own = _server(connection)
    if own == connection.info.backend_pid:
        return False  # no pooler: the number the login gave is the server's
    with ExitStack() as others:
        for _ in range(OTHERS):
            try:
                occupied = _occupy(others, parameters)
            except TimeoutError:
                # Every server is taken. If ours waits for nobody now, we kept it.
                break
            except SessionError as error:
                if STATEMENT_POOLING in str(error):
                    return True
                raise
            # Asking again while our former server is occupied would hang.
            if occupied == own or _server(connection) != own:
                return True
        return _server(connection) != own


def _server(connection: Any) -> int:
    with connection.cursor() as cursor:
        cursor.execute(SERVER)
        number: int = cursor.fetchone()[0]
        return number


def _occupy(others: ExitStack, parameters: Mapping[str, str]) -> int:
    """Let another client take a server and keep it in a transaction; return the server's pid."""
    other = others.enter_context(Session(parameters, Deadline(ANSWER_SECONDS)))
    number: int = other.query(OCCUPY, Deadline(SERVER_SECONDS))[0][0]
    return number
