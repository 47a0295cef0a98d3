"""SQLAlchemy on the connection that holds the migration lock: one writer of our own at a time."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg2
from sqlalchemy import Connection, StaticPool, create_engine

from boot.database import migration_lock
from boot.database.deadline import Deadline
from boot.database.postgres_schema import lost
from boot.database.schema_error import SchemaError
from boot.database.schema_request import SchemaRequest
from boot.database.url import PostgresUrl
from boot.exit_status import ExitStatus

# SQLite keeps no offset: what the fallback read back was UTC. And a commit that PostgreSQL could
# still forget in a crash would leave the journal ahead of it.
SETTINGS = ("SET TIME ZONE 'UTC'", "SET synchronous_commit = on")


NAME = "edgepaas-replay"

log = logging.getLogger(__name__)


@contextmanager
def locked(request: SchemaRequest, deadline: Deadline) -> Iterator[Connection]:
    """Yield a connection as the role that migrates; no transaction is open on it.

    Raises SchemaError: 75 when the lock is not free by the deadline or PostgreSQL is lost, 78 for
    a database that is not PostgreSQL.
    """
    target = postgres(request)
    try:
        with (
            migration_lock.hold(target.parameters, deadline, _tell, NAME) as raw,
            wrapped(raw, target) as connection,
        ):
            yield connection
    except psycopg2.Error as error:
        raise lost(error, target) from None


def postgres(request: SchemaRequest) -> PostgresUrl:
    """Return the PostgreSQL of a request. Raises SchemaError (78) where it is another database."""
    if isinstance(request.migration_target, PostgresUrl):
        return request.migration_target
    raise SchemaError(
        "a fallback's rows can be brought into PostgreSQL only, and no PostgreSQL is named",
        "set DATABASE_URL=postgresql://user:password@host:5432/database",
        ExitStatus.CONFIG,
    )


@contextmanager
def wrapped(raw: Any, target: PostgresUrl) -> Iterator[Connection]:
    """Yield SQLAlchemy's connection over the driver's."""
    engine = create_engine(
        target.sqlalchemy(), creator=lambda: raw, poolclass=StaticPool, hide_parameters=True
    )
    with engine.connect() as connection:
        for setting in SETTINGS:
            connection.exec_driver_sql(setting)
        connection.commit()
        yield connection


def _tell(holder: object) -> None:
    log.info("the database is taken by %s; waiting for it", holder)
