"""schema-bootstrap: brings the database that db-wait chose to this image's revision.

Never destructive: it creates what is missing, runs migrations forward, and else says why not.
"""

import logging
import os
import sys
from collections.abc import Callable, Mapping

from boot.database import schema_request
from boot.database.schema_error import SchemaError
from boot.database.schema_request import SchemaRequest
from boot.database.url import DatabaseUrlError, PostgresUrl
from boot.exit_status import ExitStatus
from boot.logline import configure

PROGRAM = "schema-bootstrap"

log = logging.getLogger(PROGRAM)


def main(environ: Mapping[str, str] = os.environ) -> int:
    """Bring the schema to head; return the exit status."""
    configure(PROGRAM)
    return reported(lambda: bring_to_head(schema_request.read(environ)))


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


if __name__ == "__main__":
    sys.exit(main())
