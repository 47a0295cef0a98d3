"""Empties a PostgreSQL database for `edgepaas db reset`, once its rows are in a file.

Alembic takes its own schema back, step by step; nothing that others made is dropped.
"""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import psycopg2

from boot.database import dump, kept_file, migration_lock, postgres_schema, revisions
from boot.database.deadline import Deadline
from boot.database.losses import Losses
from boot.database.revisions import State
from boot.database.schema_error import SchemaError
from boot.database.schema_request import SchemaRequest
from boot.database.url import PostgresUrl
from boot.exit_status import ExitStatus

CONNECT_SECONDS = 5
FORBIDDEN = "42501"
OURS = ("edgepaas_conflict", "edgepaas_row", "edgepaas_applied", "edgepaas_schema")
APP = "edgepaas"
CLIENTS = """
SELECT coalesce(nullif(application_name, ''), '(no name)') FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid()
    AND coalesce(backend_type, 'client backend') = 'client backend' ORDER BY 1
"""


def look(request: SchemaRequest, target: PostgresUrl) -> Losses:
    """Return what emptying the database would lose. Raises SchemaError."""
    current = postgres_schema.current_revisions(target)
    _check_way_back(request, current)
    with _named_errors(target), closing(_connect(target)) as connection:
        connection.autocommit = False
        with connection.cursor() as cursor:
            apps, others = _clients(cursor)
            rows = dump.count(cursor).rows
        info = connection.info
        place = f"{info.host or 'localhost'}:{info.port}"
        revision = ", ".join(sorted(current)) or "none"
        return Losses(info.dbname, place, revision, rows, apps, others)


def empty(request: SchemaRequest, target: PostgresUrl, file: Path) -> int:
    """Write the rows to `file`, then take the schema back; return how many rows the file holds.

    Under the migration lock. Nothing is touched before the file is on the disk. Raises
    SchemaError, and OSError where the file cannot be written.
    """
    deadline = Deadline(request.lock_seconds)
    tell = postgres_schema.tell_waiting
    with (
        _named_errors(target),
        migration_lock.hold(target.parameters, deadline, tell) as connection,
    ):
        _refuse_clients(connection)
        with kept_file.written(file) as unfinished, unfinished.open("wb") as opened:
            dumped = dump.write(connection, opened)
        _refuse_clients(connection)
        _take_back(request, target, connection)
        _drop_ours(connection)
    return dumped.total


def _check_way_back(request: SchemaRequest, current: frozenset[str]) -> None:
    """See that this image's migrations know the way back from where the database is."""
    own = revisions.scan(revisions.directory_of(request.migrations))
    own.head()
    if own.state(current) is State.AHEAD:
        raise SchemaError(
            f"the database is at revision {', '.join(sorted(current))}, made by a newer image",
            "reset it with that image: only its migrations know the way back; nothing was touched",
        )


def _connect(target: PostgresUrl) -> Any:
    parameters: dict[str, Any] = {"connect_timeout": CONNECT_SECONDS, **target.parameters}
    return psycopg2.connect("", **parameters)


def _clients(cursor: Any) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the application names of EdgePaaS's other connections, and of everybody else's."""
    cursor.execute(CLIENTS)
    names = [name for (name,) in cursor.fetchall()]
    apps = tuple(name for name in names if name.startswith(APP))
    return apps, tuple(name for name in names if not name.startswith(APP))


def _refuse_clients(connection: Any) -> None:
    with connection.cursor() as cursor:
        apps, _ = _clients(cursor)
    connection.rollback()
    if apps:
        raise connected(apps)


def connected(apps: tuple[str, ...]) -> SchemaError:
    """Return the error of a database that applications are connected to."""
    return SchemaError(
        f"EdgePaaS is connected to it: {', '.join(sorted(set(apps)))} ({len(apps)} in all)",
        "stop these containers first (edgepaas/SLOT/REVISION/BUILD); nothing was touched",
        ExitStatus.TEMPORARY,
    )


def _take_back(request: SchemaRequest, target: PostgresUrl, connection: Any) -> None:
    # 400 ms of imports, needless until everything else has been seen to.
    from sqlalchemy import StaticPool, create_engine  # noqa: PLC0415

    from boot.database.migrator import Migrator  # noqa: PLC0415

    url = target.sqlalchemy()
    engine = create_engine(
        url, creator=lambda: connection, poolclass=StaticPool, hide_parameters=True
    )
    with engine.connect() as wrapped:
        wrapped.rollback()
        Migrator(request.migrations, url).downgrade(wrapped)


def _drop_ours(connection: Any) -> None:
    with connection.cursor() as cursor:
        for name in OURS:
            cursor.execute(f"DROP TABLE IF EXISTS {name}")
    connection.commit()


@contextmanager
def _named_errors(target: PostgresUrl) -> Iterator[None]:
    try:
        yield
    except psycopg2.Error as error:
        failure = postgres_schema.lost(error, target)
        if error.pgcode == FORBIDDEN:
            failure.status = ExitStatus.REFUSED
            failure.advice = (
                "set EDGEPAAS_MIGRATION_DATABASE_URL to the role that owns the tables, or GRANT "
                "this one SELECT on them; nothing was touched"
            )
        raise failure from None
