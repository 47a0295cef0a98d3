"""The schema on PostgreSQL: one query where it is at head, else Alembic under a lock."""

import logging
from collections.abc import Callable
from typing import Any

import psycopg2

from boot.database import probe, revisions
from boot.database.deadline import Deadline
from boot.database.revisions import Revisions, is_at_head
from boot.database.schema_error import SchemaError
from boot.database.schema_request import BOOT, JOB, SchemaRequest
from boot.database.session import Session, SessionError
from boot.database.url import PostgresUrl
from boot.exit_status import ExitStatus

QUESTION = "SELECT version_num FROM alembic_version"
ANSWER_SECONDS = 10.0
NO_TABLE = "42P01"
LOCK_ATTEMPTS = 10
SHORTEST_POLL, LONGEST_POLL = 0.2, 2.0

log = logging.getLogger(__name__)


def bootstrap(request: SchemaRequest, target: PostgresUrl) -> None:
    """Bring the database to the image's head, or see that somebody has. Raises SchemaError."""
    own = revisions.scan(revisions.directory_of(request.migrations))
    current = current_revisions(target)
    if is_at_head(current, own):
        log.info("at head: %s", own.head())
    elif request.policy == BOOT:
        migrate(request, own)
    elif request.policy == JOB:
        wait_for_job(request, target, own)
    else:
        raise behind(current, own, "EDGEPAAS_MIGRATE=off", ExitStatus.SCHEMA)


def migrate(request: SchemaRequest, own: Revisions) -> None:
    """Take the lock, look again, and let Alembic do what is left. Raises SchemaError."""
    from boot.database import migration_lock  # noqa: PLC0415  # needless at head

    own.head()
    target = request.migration_target
    if not isinstance(target, PostgresUrl):
        raise SchemaError(
            "EDGEPAAS_MIGRATION_DATABASE_URL is not PostgreSQL, but DATABASE_URL is",
            "set both to the same database",
            ExitStatus.CONFIG,
        )
    current_revisions(target)
    deadline = Deadline(request.lock_seconds)
    try:
        with migration_lock.hold(target.parameters, deadline, tell_waiting) as connection:
            if is_at_head(_asked(connection), own):
                log.info("at head: %s, brought there by another container", own.head())
                return
            _upgrade(request, target, connection, deadline)
    except psycopg2.Error as error:
        raise lost(error, target) from None
    log.info("migrated to head: %s", own.head())


def current_revisions(target: PostgresUrl) -> frozenset[str]:
    """Ask the database what it says it is at, within ANSWER_SECONDS. Raises SchemaError."""
    deadline = Deadline(ANSWER_SECONDS)
    try:
        with Session(target.parameters, deadline) as session:
            return frozenset(row[0] for row in session.query(QUESTION, deadline))
    except SessionError as error:
        if error.sqlstate == NO_TABLE:
            return frozenset()
        outcome = probe.outcome_of(error)
        message = target.scrub(f"PostgreSQL: {error}")
        raise SchemaError(message, outcome.policy.advice, outcome.policy.status) from None
    except TimeoutError as error:
        raise SchemaError(str(error), "look at PostgreSQL", ExitStatus.TEMPORARY) from None


def wait_for_job(request: SchemaRequest, target: PostgresUrl, own: Revisions) -> None:
    """Wait until the migration job has brought the database to head. Raises SchemaError (75)."""
    deadline = Deadline(request.lock_seconds)
    log.info("EDGEPAAS_MIGRATE=job: waiting for the migration job to reach %s", own.head())
    while not is_at_head(current := current_revisions(target), own):
        if deadline.remaining() <= 0:
            raise behind(current, own, "EDGEPAAS_MIGRATE=job", ExitStatus.TEMPORARY)
        deadline.nap(SHORTEST_POLL, LONGEST_POLL)
    log.info("at head: %s", own.head())


def behind(
    current: frozenset[str], own: Revisions, because: str, status: ExitStatus
) -> SchemaError:
    """Return the error of a database that must not be served and that we may not migrate."""
    where = ", ".join(sorted(current)) or "nothing"
    return SchemaError(
        f"the database is at {where}, this image needs {own.head()}, and {because}",
        "migrate first: docker run IMAGE migrate",
        status,
    )


def tell_waiting() -> None:
    """Log that another container migrates."""
    log.info("another container migrates this database; waiting for it")


def lost(error: psycopg2.Error, target: PostgresUrl) -> SchemaError:
    """Return what a driver's error outside any migration means."""
    words = next(iter(str(error).strip().splitlines()), type(error).__name__)
    return SchemaError(
        target.scrub(f"PostgreSQL: {words}"), "start again when it answers", ExitStatus.TEMPORARY
    )


def _asked(connection: Any) -> frozenset[str]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT to_regclass('alembic_version')")
        if cursor.fetchone()[0] is None:
            connection.rollback()
            return frozenset()
        cursor.execute(QUESTION)
        found = frozenset(row[0] for row in cursor.fetchall())
    connection.rollback()
    return found


def _upgrade(
    request: SchemaRequest, target: PostgresUrl, connection: Any, deadline: Deadline
) -> None:
    """Run Alembic on the locked connection; a table busy for too long is tried again."""
    # 400 ms of imports that only a migration costs.
    from sqlalchemy import StaticPool, create_engine  # noqa: PLC0415

    from boot.database.migrator import LockTimeoutError, Migrator  # noqa: PLC0415

    url = target.sqlalchemy()
    engine = create_engine(
        url, creator=lambda: connection, poolclass=StaticPool, hide_parameters=True
    )
    migrator = Migrator(request.migrations, url)
    with engine.connect() as wrapped:
        wrapped.rollback()
        _repeat(lambda: migrator.upgrade(wrapped), wrapped.rollback, LockTimeoutError, deadline)


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
