"""Watches the database for the metrics: open connections, the time statements take, failures."""

import time
from functools import cache
from typing import Any

from sqlalchemy import Engine, event
from sqlalchemy.engine import ExceptionContext

from app.sre import direct
from app.sre.metrics import CONNECTIONS, DB_ERRORS, QUERY_DURATION

OPERATIONS = frozenset({"select", "insert", "update", "delete"})
BEGAN = "edgepaas_began"  # an attribute of SQLAlchemy's execution context


def watch(engine: Engine) -> None:
    """Measure what is done with `engine` from now on."""
    event.listen(engine, "connect", _connected)
    event.listen(engine, "close", _closed)
    event.listen(engine, "before_cursor_execute", _begins)
    event.listen(engine, "after_cursor_execute", _ends)
    event.listen(engine, "handle_error", _fails)


def failed(why: str) -> None:
    """Count a transaction that failed; `why` is one of the classes in docs/metrics.md."""
    DB_ERRORS.labels(why).inc()


def operation(statement: str) -> str:
    """Return the first word of a statement that only reads or changes rows, else "other"."""
    word = statement.split(None, 1)[0].lower() if statement else ""
    return word if word in OPERATIONS else "other"


@cache
def timer_of(operation: str) -> direct.Timer:
    """Return what times statements by that first word: looked up once, kept for ever."""
    return direct.Timer(QUERY_DURATION.labels(operation))


def _connected(connection: Any, record: Any) -> None:
    del connection, record
    CONNECTIONS.inc()


def _closed(connection: Any, record: Any) -> None:
    del connection, record
    CONNECTIONS.dec()


# SQLAlchemy calls the next two by position, for each statement: by name it would be dearer.
def _begins(
    _connection: Any, _cursor: Any, _sql: str, _values: Any, context: Any, _many: bool
) -> None:
    if context is not None:
        setattr(context, BEGAN, time.perf_counter())


def _ends(
    _connection: Any, _cursor: Any, sql: str, _values: Any, context: Any, _many: bool
) -> None:
    _observe(context, sql)


def _fails(failure: ExceptionContext) -> None:
    _observe(failure.execution_context, failure.statement or "")


def _observe(context: Any, statement: str) -> None:
    began = getattr(context, BEGAN, None)
    if began is not None:
        timer_of(operation(statement)).observe(time.perf_counter() - began)
