"""edgepaas migrate: bring the schema to this image's revision as a job, or print the SQL of it."""

import logging
import os
import sys
from collections.abc import Callable, Mapping

from boot.database import compatibility, decision, revisions, schema_request
from boot.database.compatibility import Standing, is_served, told
from boot.database.schema_error import SchemaError
from boot.database.schema_request import BOOT, SchemaRequest
from boot.database.url import DatabaseUrl, PostgresUrl
from boot.logline import configure
from boot.oneshots import db_wait, schema_bootstrap
from boot.verbs import arguments, in_effect
from boot.verbs.console import say

PROGRAM = "migrate"
USAGE = """\
usage: edgepaas migrate [up|plan]

up (the default) waits for the database and brings its schema to this image's revision, whatever
EDGEPAAS_MIGRATE says; it never falls back to another database. plan prints the SQL that up would
run, and changes nothing."""


def main(argv: list[str]) -> int:
    """Migrate or plan; return the exit status."""
    verb = {(): up, ("up",): up, ("plan",): plan}.get(tuple(argv))
    if verb is None:
        return arguments.answer("migrate", argv, USAGE)
    contract = in_effect.contract()
    configure(PROGRAM, in_effect.mask(contract))
    values = in_effect.values(contract)
    # Units find the app by PYTHONPATH; this process, run isolated (-I), does not.
    sys.path.insert(1, contract.lenient(os.environ, "EDGEPAAS_APP_DIR"))
    return run(verb, {**os.environ, **values})


def run(verb: Callable[[SchemaRequest], None], environ: Mapping[str, str]) -> int:
    """Find the database and do what the verb does to it; return the exit status."""
    if verb is plan:
        logging.getLogger().setLevel(logging.WARNING)  # stdout is for the SQL
    return schema_bootstrap.reported(lambda: verb(request_of(environ)))


def request_of(environ: Mapping[str, str]) -> SchemaRequest:
    """Return the request for the database the environment names, once it answers."""
    wanted = db_wait.read_request(environ)
    if isinstance(wanted.url, PostgresUrl) and wanted.mode != decision.SQLITE:
        wanted = wanted._replace(mode=decision.POSTGRES)
    decided, _ = db_wait.decide(wanted, environ)
    if decided.url is None:
        raise SchemaError(decided.reason, decided.advice, decided.status)
    return schema_request.read(
        {**environ, "DATABASE_URL": decided.url.sqlalchemy(), "EDGEPAAS_MIGRATE": BOOT}
    )


def up(request: SchemaRequest) -> None:
    """Bring the schema to head. Raises SchemaError."""
    schema_bootstrap.bring_to_head(request)


def plan(request: SchemaRequest) -> None:
    """Print the SQL between the database's revision and the head. Raises SchemaError."""
    own = revisions.scan(revisions.directory_of(request.migrations))
    found = standing(request.target, own)
    if is_served(found, own):
        say(f"-- {told(found, own)}; nothing to do")
        return
    from boot.database.migrator import Migrator  # noqa: PLC0415  # 400 ms of imports

    ledger = compatibility.Ledger(own, found.rows, request.image)
    migrator = Migrator(request.migrations, request.target.sqlalchemy(), ledger)
    migrator.print_sql(next(iter(found.current), None))


def standing(target: DatabaseUrl, own: revisions.Revisions) -> Standing:
    """Return what the database says of itself. Raises SchemaError."""
    if isinstance(target, PostgresUrl):
        from boot.database import postgres_schema  # noqa: PLC0415  # psycopg2

        return postgres_schema.standing(target, own)
    from boot.database import sqlite_schema  # noqa: PLC0415

    return sqlite_schema.standing(target.path)
