"""What an error of PostgreSQL during a replay means: the row's fault, a passing one, or the end."""

from sqlalchemy.exc import DBAPIError, StatementError

from boot.database.contested import ContestedError
from boot.database.schema_error import SchemaError
from boot.exit_status import ExitStatus

# https://www.postgresql.org/docs/current/errcodes-appendix.html
OF_THE_ROW = ("22", "23", "44", "54", "P0")
PASSING = ("40", "55P03")
FORBIDDEN = "42501"
SCHEMA = ("42", "0A")
DISK_FULL = "53100"


class PassingError(SchemaError):
    """Somebody else's lock or transaction stood in the way; a moment later it may not."""


def judged(error: StatementError) -> ContestedError | SchemaError:
    """Return what the error means for the row, or for the replay."""
    if not isinstance(error, DBAPIError):  # a value that the driver or the type cannot send
        return ContestedError(words(error.orig or error))
    state = getattr(error.orig, "pgcode", None) or ""
    if state.startswith(OF_THE_ROW):
        diagnosis = getattr(error.orig, "diag", None)
        return ContestedError(words(error.orig), getattr(diagnosis, "constraint_name", None) or "")
    return _of_the_replay(words(error.orig), state)


def words(error: BaseException | None) -> str:
    """Return an error in one line: the server's message, and its detail."""
    diagnosis = getattr(error, "diag", None)
    message = getattr(diagnosis, "message_primary", None) or str(error)
    detail = getattr(diagnosis, "message_detail", None)
    return " ".join(f"{message}{': ' if detail else ''}{detail or ''}".split()).rstrip(".")


def _of_the_replay(message: str, state: str) -> SchemaError:
    problem = f"the replay stopped: {message}"
    if state.startswith(PASSING):
        advice = "end the transactions that hold the rows; nothing is lost, the rest waits"
        return PassingError(problem, advice, ExitStatus.TEMPORARY)
    if state == FORBIDDEN:
        advice = (
            "GRANT the role CREATE ON SCHEMA public and all rights on the application's tables, "
            "or set EDGEPAAS_MIGRATION_DATABASE_URL to their owner"
        )
        return SchemaError(problem, advice, ExitStatus.REFUSED)
    if state.startswith(SCHEMA):
        return SchemaError(problem, "bring the schema to this image's revision: edgepaas migrate")
    if state == DISK_FULL:
        return SchemaError(problem, "free space on the database server", ExitStatus.IO)
    advice = "start again when PostgreSQL answers; nothing is lost, the rest waits"
    return SchemaError(problem, advice, ExitStatus.TEMPORARY)
