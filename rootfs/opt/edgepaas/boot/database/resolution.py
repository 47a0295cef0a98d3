"""The operator's decision on a contested row, carried out whole or not at all."""

import json
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, Connection, func, select, tuple_, update

from boot.database.contested import ContestedError
from boot.database.deadline import Deadline
from boot.database.journal import Operation
from boot.database.locked_connection import locked
from boot.database.metadata import import_metadata
from boot.database.replay_batch import Batch, judging
from boot.database.replay_tables import CONFLICT, exists, text_of
from boot.database.schema_error import SchemaError
from boot.database.schema_request import SchemaRequest
from boot.exit_status import ExitStatus

OPEN = CONFLICT.c.resolved_at.is_(None)
ROW = tuple_(CONFLICT.c.epoch, CONFLICT.c.table_name, CONFLICT.c.row_key)


class Take(StrEnum):
    """Whose version of a row is to stand."""

    POSTGRES = "postgres"
    FALLBACK = "fallback"


def resolve(request: SchemaRequest, number: int, take: Take) -> int:
    """Let one version of the row of conflict `number` stand; return how many changes that settles.

    The fallback's version replaces whatever PostgreSQL has now. Raises SchemaError: 64 where
    nothing of that number waits, 77 where PostgreSQL refuses the row; then nothing is changed.
    """
    with (
        locked(request, Deadline(request.lock_seconds)) as connection,
        judging(),
        connection.begin(),
    ):
        last = _last_of_row(connection, number)
        if take is Take.FALLBACK:
            _write(connection, request, last)
        return _settle(connection, tuple_(last.epoch, last.table_name, last.row_key) == ROW, take)


def leave_all(request: SchemaRequest) -> int:
    """Let PostgreSQL's version of every row stand; return how many changes that settles."""
    with (
        locked(request, Deadline(request.lock_seconds)) as connection,
        judging(),
        connection.begin(),
    ):
        return _settle(connection, OPEN, Take.POSTGRES) if exists(connection) else 0


def _last_of_row(connection: Connection, number: int) -> Any:
    """Return the last operation that waits for the row: what the fallback made of it."""
    names = ("epoch", "sequence", "operation", "made_at", "table_name", "row_key", "key_names")
    columns = [CONFLICT.c[name] for name in (*names, "token")]
    row = select(ROW).where(CONFLICT.c.id == number, OPEN).scalar_subquery()
    query = select(*columns, text_of(CONFLICT.c.ours).label("ours")).where(row == ROW, OPEN)
    newest = query.order_by(CONFLICT.c.sequence.desc()).limit(1)
    found = connection.execute(newest).first() if exists(connection) else None
    if found is None:
        raise SchemaError(
            f"no contested row {number} waits for a decision",
            "see those that do: edgepaas db resolve",
            ExitStatus.USAGE,
        )
    return found


def _write(connection: Connection, request: SchemaRequest, last: Any) -> None:
    operation = Operation(
        last.sequence,
        last.operation,
        last.made_at,
        None,
        last.table_name,
        last.row_key,
        None,
        last.token,
        last.ours,
    )
    names = json.loads(last.key_names)
    batch = Batch(connection, import_metadata(request.metadata), last.epoch, lambda _: names)
    try:
        batch.force(operation)
    except ContestedError as contest:
        raise SchemaError(
            f"PostgreSQL does not take the fallback's version: {contest}",
            "change what stands in its way, or take postgres; nothing was changed",
            ExitStatus.REFUSED,
        ) from None


def _settle(connection: Connection, which: ColumnElement[bool], take: Take) -> int:
    settled = update(CONFLICT).where(which, OPEN)
    result = connection.execute(settled.values(resolved_at=func.now(), resolution=str(take)))
    return int(result.rowcount)
