"""The schema on PostgreSQL: one query where it is at head, else a migration or the wait for one."""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import psycopg2

from boot.database import compatibility, probe, revisions
from boot.database.compatibility import Standing, is_served, told
from boot.database.deadline import Deadline
from boot.database.revisions import Revisions, State
from boot.database.schema_error import SchemaError
from boot.database.schema_request import BOOT, JOB, SchemaRequest
from boot.database.session import Session, SessionError
from boot.database.url import PostgresUrl
from boot.exit_status import ExitStatus

QUESTION = "SELECT version_num FROM alembic_version"
ANSWER_SECONDS = 10.0
NO_TABLE = "42P01"
SHORTEST_POLL, LONGEST_POLL = 0.2, 2.0

Ask = Callable[[str], list[tuple[Any, ...]]]

log = logging.getLogger(__name__)


def bootstrap(request: SchemaRequest, target: PostgresUrl) -> None:
    """Bring the database to the image's head, or see that somebody has. Raises SchemaError."""
    own = revisions.scan(revisions.directory_of(request.migrations))
    found = standing(target, own)
    if is_served(found, own):
        log.info("%s", told(found, own))
    elif request.policy == BOOT:
        from boot.database import postgres_migration  # noqa: PLC0415  # needless at head

        postgres_migration.migrate(request, own)
    elif request.policy == JOB:
        wait_for_job(request, target, own)
    else:
        raise behind(found.current, own, "EDGEPAAS_MIGRATE=off", ExitStatus.SCHEMA)


def standing(target: PostgresUrl, own: Revisions) -> Standing:
    """Ask the database what it is at and, if that is not our head, whom it admits.

    Raises SchemaError where it does not answer within ANSWER_SECONDS.
    """
    with asking(target) as ask:
        current = _current(ask)
        done = own.state(current) is State.AT_HEAD
        return Standing(current, compatibility.read(() if done else ask(compatibility.QUESTION)))


def current_revisions(target: PostgresUrl) -> frozenset[str]:
    """Ask the database what it says it is at. Raises SchemaError, as standing does."""
    with asking(target) as ask:
        return _current(ask)


def wait_for_job(request: SchemaRequest, target: PostgresUrl, own: Revisions) -> None:
    """Wait until the migration job has brought the database to head. Raises SchemaError (75)."""
    deadline = Deadline(request.lock_seconds)
    log.info("EDGEPAAS_MIGRATE=job: waiting for the migration job to reach %s", own.head())
    while not is_served(found := standing(target, own), own):
        if deadline.remaining() <= 0:
            raise behind(found.current, own, "EDGEPAAS_MIGRATE=job", ExitStatus.TEMPORARY)
        deadline.nap(SHORTEST_POLL, LONGEST_POLL)
    log.info("%s", told(found, own))


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


def tell_waiting(holder: object) -> None:
    """Log who migrates, and that we wait."""
    log.info("another container migrates this database: %s; waiting for it", holder)


def lost(error: psycopg2.Error, target: PostgresUrl) -> SchemaError:
    """Return what a driver's error outside any migration means."""
    words = next(iter(str(error).strip().splitlines()), type(error).__name__)
    return SchemaError(
        target.scrub(f"PostgreSQL: {words}"), "start again when it answers", ExitStatus.TEMPORARY
    )


def _current(ask: Ask) -> frozenset[str]:
    return frozenset(row[0] for row in ask(QUESTION))


@contextmanager
def asking(target: PostgresUrl, seconds: float = ANSWER_SECONDS) -> Iterator[Ask]:
    """Yield a way to ask, in which a table that is not there has no rows. Raises SchemaError."""
    deadline = Deadline(seconds)

    def ask(sql: str) -> list[tuple[Any, ...]]:
        try:
            return session.query(sql, deadline)
        except SessionError as error:
            if error.sqlstate == NO_TABLE:
                return []
            raise

    try:
        with Session(target.parameters, deadline) as session:
            yield ask
    except SessionError as error:
        outcome = probe.outcome_of(error)
        message = target.scrub(f"PostgreSQL: {error}")
        raise SchemaError(message, outcome.policy.advice, outcome.policy.status) from None
    except TimeoutError as error:
        raise SchemaError(str(error), "look at PostgreSQL", ExitStatus.TEMPORARY) from None
