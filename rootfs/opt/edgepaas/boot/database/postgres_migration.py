"""A migration of PostgreSQL: Alembic under the lock, once nobody stands against it."""

import logging
from collections.abc import Callable
from typing import Any

import psycopg2

from boot.database import (
    client_name,
    compatibility,
    contract_guard,
    migration_lock,
    postgres_schema,
)
from boot.database.compatibility import Standing, is_served, told
from boot.database.deadline import Deadline
from boot.database.revisions import Revisions
from boot.database.schema_error import SchemaError
from boot.database.schema_request import SchemaRequest
from boot.database.schema_times import STOPWATCH
from boot.database.url import PostgresUrl
from boot.exit_status import ExitStatus

LOCK_ATTEMPTS = 10
SHORTEST_POLL, LONGEST_POLL = 0.2, 2.0

log = logging.getLogger(__name__)


def migrate(request: SchemaRequest, own: Revisions) -> None:
    """Take the lock, look again, and let Alembic do what is left. Raises SchemaError."""
    target = request.migration_target
    if not isinstance(target, PostgresUrl):
        raise SchemaError(
            "EDGEPAAS_MIGRATION_DATABASE_URL is not PostgreSQL, but DATABASE_URL is",
            "set both to the same database",
            ExitStatus.CONFIG,
        )
    client = request.client._replace(revision=own.head())
    name = client_name.compose(client, client_name.MIGRATES)
    deadline = Deadline(request.lock_seconds)
    postgres_schema.current_revisions(target)
    try:
        with migration_lock.hold(
            target.parameters, deadline, postgres_schema.tell_waiting, name
        ) as connection:
            _bring_to_head(request, own, connection, deadline)
    except psycopg2.Error as error:
        raise postgres_schema.lost(error, target) from None
    if target is not request.target:
        _check_same_database(request, own)


def _bring_to_head(
    request: SchemaRequest, own: Revisions, connection: Any, deadline: Deadline
) -> None:
    found = _standing(connection)
    if is_served(found, own):
        log.info("%s, brought there by another container", told(found, own))
        return
    compatibility.warn_of_edited(own, found.rows)
    contract_guard.check(_clients(connection), found, own, request.contract)
    ledger = compatibility.Ledger(own, found.rows, request.image)
    with STOPWATCH.migrating():
        _upgrade(request, connection, ledger, deadline)
    log.info("migrated to head: %s", own.head())


def _check_same_database(request: SchemaRequest, own: Revisions) -> None:
    """See that what was migrated is what will serve. Raises SchemaError (78)."""
    target = request.target
    if isinstance(target, PostgresUrl):
        found = postgres_schema.standing(target, own)
        if not is_served(found, own):
            raise SchemaError(
                f"migrated to {own.head()} by EDGEPAAS_MIGRATION_DATABASE_URL, but the database "
                f"that DATABASE_URL leads to is at {', '.join(found.current) or 'nothing'}",
                "let both lead to the same database and schema (search_path)",
                ExitStatus.CONFIG,
            )


def _standing(connection: Any) -> Standing:
    current = frozenset(
        row[0] for row in _rows(connection, "alembic_version", postgres_schema.QUESTION)
    )
    return Standing(
        current,
        compatibility.read(_rows(connection, compatibility.TABLE, compatibility.QUESTION)),
    )


def _rows(connection: Any, table: str, question: str) -> list[Any]:
    """Return what the question finds; nothing where the table is not there."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT to_regclass(%s)", [table])
        found: list[Any] = []
        if cursor.fetchone()[0] is not None:
            cursor.execute(question)
            found = cursor.fetchall()
    connection.rollback()
    return found


def _clients(connection: Any) -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute(contract_guard.CONNECTED)
        names = [name or "" for (name,) in cursor.fetchall()]
    connection.rollback()
    return names


def _upgrade(
    request: SchemaRequest, connection: Any, ledger: compatibility.Ledger, deadline: Deadline
) -> None:
    """Run Alembic on the locked connection; a table busy for too long is tried again."""
    # 400 ms of imports that only a migration costs.
    from sqlalchemy import StaticPool, create_engine  # noqa: PLC0415

    from boot.database.migrator import LockTimeoutError, Migrator  # noqa: PLC0415

    url = request.migration_target.sqlalchemy()
    engine = create_engine(
        url, creator=lambda: connection, poolclass=StaticPool, hide_parameters=True
    )
    migrator = Migrator(request.migrations, url, ledger)
    with engine.connect() as wrapped:
        wrapped.rollback()
        seconds = request.migration_seconds
        _repeat(
            lambda: migrator.upgrade(wrapped, seconds), wrapped.rollback, LockTimeoutError, deadline
        )


def _repeat(
    action: Callable[[], None],
    undo: Callable[[], None],
    passing: type[SchemaError],
    deadline: Deadline,
) -> None:
    for attempt in range(1, LOCK_ATTEMPTS + 1):
        try:
            action()
        except passing as error:
            undo()
            if attempt == LOCK_ATTEMPTS or deadline.remaining() <= 0:
                raise
            log.info("attempt %d: %s; trying again", attempt, error)
            deadline.nap(SHORTEST_POLL, LONGEST_POLL)
        else:
            return
