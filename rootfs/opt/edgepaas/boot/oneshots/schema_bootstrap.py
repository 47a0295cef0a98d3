"""schema-bootstrap: brings the database that db-wait chose to this image's revision.

Never destructive: it creates what is missing, runs migrations forward, and else says why not.
"""

import logging
import os
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path

from boot import quick_exit
from boot.database import schema_request, url
from boot.database.decision import FALLBACK_FILE
from boot.database.schema_error import SchemaError
from boot.database.schema_request import SchemaRequest
from boot.database.schema_times import STOPWATCH
from boot.database.url import DatabaseUrlError, PostgresUrl, SqliteUrl
from boot.exit_status import ExitStatus
from boot.logline import configure

PROGRAM = "schema-bootstrap"

log = logging.getLogger(PROGRAM)


def main(environ: Mapping[str, str] = os.environ) -> int:
    """Bring the schema to head, and a fallback's rows to where they belong; return the status."""
    configure(PROGRAM)
    status = reported(lambda: prepare(environ))
    if run_dir := environ.get("EDGEPAAS_RUN_DIR"):
        with suppress(OSError):
            STOPWATCH.write(Path(run_dir))
    return status


def prepare(environ: Mapping[str, str]) -> None:
    """Do what the unit is for. Raises SchemaError, DatabaseUrlError."""
    request = schema_request.read(environ)
    bring_to_head(request)
    if isinstance(request.target, PostgresUrl):
        replay_fallback(request, Path(environ["EDGEPAAS_DATA_DIR"], FALLBACK_FILE))
    elif environ.get("EDGEPAAS_DB_FALLBACK_ACTIVE") == "1":
        keep_journal(request.target, environ)


def reported(action: Callable[[], None]) -> int:
    """Do it; return the exit status, with whatever went wrong told in one log line."""
    logging.getLogger("alembic").setLevel(logging.WARNING)  # the migrator names the steps itself
    try:
        action()
    except (DatabaseUrlError, SchemaError) as error:
        fields = {"status": int(error.status)}
        log.error("%s; %s", error, error.advice, extra={"fields": fields})  # noqa: TRY400  # known
        return error.status
    except Exception:
        # An application's own migration may raise anything: its traceback is one event.
        log.exception("a migration failed; the database is as it was before it")
        return ExitStatus.SCHEMA
    return ExitStatus.OK


def bring_to_head(request: SchemaRequest) -> None:
    """Do what the backend asks for. Raises SchemaError."""
    # Each backend imports its driver; the other one is never needed.
    if isinstance(request.target, PostgresUrl):
        from boot.database import postgres_schema  # noqa: PLC0415

        postgres_schema.bootstrap(request, request.target)
    else:
        from boot.database import sqlite_schema  # noqa: PLC0415

        sqlite_schema.bootstrap(request, request.target)


def replay_fallback(request: SchemaRequest, path: Path) -> None:
    """Bring the rows of a fallback that is over into PostgreSQL. Raises SchemaError."""
    if path.exists() and path.stat().st_size:
        from boot.database import replay  # noqa: PLC0415  # costs SQLAlchemy, seldom needed

        replay.at_boot(request, path)


def keep_journal(target: SqliteUrl, environ: Mapping[str, str]) -> None:
    """Journal what a fallback's tables will hold, so that nothing is lost. Raises SchemaError."""
    from boot.database import journal, sqlite_schema  # noqa: PLC0415  # needless on PostgreSQL

    original = url.parse(environ["EDGEPAAS_POSTGRES_URL"], "EDGEPAAS_POSTGRES_URL")
    if not isinstance(original, PostgresUrl):
        raise TypeError("only PostgreSQL is stood in for")
    kept = journal.Journal(target.path)
    refused = kept.install(
        journal.target_of(original.parameters),
        environ["EDGEPAAS_BOOT_ID"],
        ",".join(sorted(sqlite_schema.current_revisions(target.path))),
    )
    log.info("%d changes wait in the journal of %s", kept.pending(), target.path)
    if refused:
        names = ", ".join(f"{each.table} ({each.reason})" for each in refused)
        fields = {"read_only": [each.table for each in refused]}
        log.warning("read-only in this fallback: %s", names, extra={"fields": fields})


if __name__ == "__main__":
    sys.exit(quick_exit.expect(main()))
