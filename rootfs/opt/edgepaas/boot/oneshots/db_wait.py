"""db-wait: decides which database serves this boot, and writes it down.

A signal ends it as it ends any process: nothing here needs cleaning up.
"""

import logging
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from boot import environment, quick_exit
from boot.database import decision, embedded, ground, shell_exports, sqlite_file, url, waiting
from boot.database.decision import ALLOW, POSTGRES, Decision, Request
from boot.database.schema_error import SchemaError
from boot.exit_status import ExitStatus
from boot.logline import configure

PROGRAM = "db-wait"
# The seed's /tmp/db_env.sh; a native run on a shared host has a TMPDIR of its own.
SHELL_FILE = Path(os.environ.get("TMPDIR") or "/tmp") / "db_env.sh"  # noqa: S108  # shell_exports makes it safe
EXPORTS = (
    "DATABASE_URL",
    "EDGEPAAS_DB_BACKEND",
    "EDGEPAAS_DB_FALLBACK_ACTIVE",
    "EDGEPAAS_DB_REASON",
    "EDGEPAAS_POSTGRES_URL",
    "PGAPPNAME",
)
RETURNS = {"auto": "until PostgreSQL is back", "manual": "until `edgepaas db back`"}

Fields = dict[str, Any]

log = logging.getLogger(PROGRAM)


def main(environ: Mapping[str, str] = os.environ, shell_file: Path = SHELL_FILE) -> int:
    """Decide and write; return the exit status."""
    configure(PROGRAM)
    try:
        return decide_and_write(environ, shell_file)
    except (url.DatabaseUrlError, sqlite_file.UnfitPlaceError, SchemaError) as error:
        return end(error.status, str(error), error.advice)
    except environment.WriteError as error:
        return end(error.status, str(error), "mount tmpfs on /run and /tmp, writable for this user")


def decide_and_write(environ: Mapping[str, str], shell_file: Path) -> int:
    """Do what the unit is for, in order."""
    request = read_request(environ)
    decided, course = decide(request, environ)
    if decided.url is None:
        return end(decided.status, decided.reason, decided.advice, course)
    if isinstance(decided.url, url.SqliteUrl) and not decided.fallback:
        embedded.refuse_to_start_afresh(request.fallback_file)
        allowed = environ["EDGEPAAS_DB_EPHEMERAL"] == ALLOW
        danger = embedded.check_place(decided.url.path, ephemeral_allowed=allowed)
        decided = decided.because(danger)
    announce(decided, course, environ)
    write(exports(request, decided, environ), environ, shell_file)
    return ExitStatus.OK


def read_request(environ: Mapping[str, str]) -> Request:
    """Return what env-check left in the environment. Raises DatabaseUrlError."""
    given = environ.get("DATABASE_URL")
    return Request(
        mode=environ["EDGEPAAS_DB_MODE"],
        url=url.parse(given) if given else None,
        environment=environ["ENVIRONMENT"],
        fallback=environ["EDGEPAAS_DB_FALLBACK"],
        replicas=int(environ["EDGEPAAS_REPLICAS"]),
        data_dir=Path(environ["EDGEPAAS_DATA_DIR"]),
    )


def decide(request: Request, environ: Mapping[str, str]) -> tuple[Decision, Fields]:
    """Return the decision, and how it came about as fields of a log line."""
    if decided := decision.without_asking(request):
        return decided, {}
    waited = ask(request.url, environ)
    course = {
        "class": str(waited.outcome.verdict),
        "attempts": waited.attempts,
        "elapsed": round(waited.elapsed, 3),
    }
    away = waited.outcome.policy.unreachable
    footing = ground.of(request.fallback_file, environ) if away else None
    return decision.after_asking(request, waited, footing), course


def ask(target: url.DatabaseUrl | None, environ: Mapping[str, str]) -> waiting.Waited:
    """Ask PostgreSQL until it answers, refuses, or EDGEPAAS_DB_WAIT_TIMEOUT has passed."""
    # Only where there is a PostgreSQL to ask: sockets and threads cost milliseconds to import.
    from boot.database import probe  # noqa: PLC0415

    if not isinstance(target, url.PostgresUrl):
        raise TypeError("only PostgreSQL is asked")
    log.info("asking %s", target.redacted())
    return waiting.wait(
        lambda seconds: probe.attempt(target, seconds, environ),
        float(environ["EDGEPAAS_DB_WAIT_TIMEOUT"]),
        report_retry,
    )


def report_retry(retry: waiting.Retry) -> None:
    """Log one attempt that did not succeed and will be repeated."""
    number, outcome, delay = retry
    fields = {"class": str(outcome.verdict), "attempt": number}
    message = f"attempt {number}: {outcome.verdict} ({outcome.detail}); next in {delay:.1f} s"
    log.info("%s", message, extra={"fields": fields})


def announce(decided: Decision, course: Fields, environ: Mapping[str, str]) -> None:
    """Log the decision in one line; a fallback loudly."""
    target = decided.url.redacted() if decided.url else None
    fields = {"backend": decided.backend, "fallback": decided.fallback, **course, "url": target}
    level, words = logging.INFO, decided.backend
    if decided.fallback:
        level = logging.WARNING
        words = f"FALLBACK: SQLite stands in {RETURNS[environ['EDGEPAAS_DB_RETURN']]}"
    log.log(level, "%s: %s", words, decided.reason, extra={"fields": fields})


def exports(request: Request, decided: Decision, environ: Mapping[str, str]) -> dict[str, str]:
    """Return the decision as variables for the units that follow."""
    values = {
        "DATABASE_URL": decided.url.sqlalchemy() if decided.url else "",
        "EDGEPAAS_DB_BACKEND": decided.backend,
        "EDGEPAAS_DB_FALLBACK_ACTIVE": str(int(decided.fallback)),
        "EDGEPAAS_DB_REASON": " ".join(decided.reason.split()),
    }
    if decided.fallback and request.url:
        values["EDGEPAAS_POSTGRES_URL"] = request.url.sqlalchemy()
    if decided.fallback or decided.backend == POSTGRES:
        values["PGAPPNAME"] = application_name(environ)
    return values


def application_name(environ: Mapping[str, str]) -> str:
    """Return how PostgreSQL is to name our connections."""
    from boot.database import client_name, revisions  # noqa: PLC0415  # needless for SQLite

    try:
        head = revisions.head_of(environ.get("EDGEPAAS_SCHEMA_MIGRATIONS", ""))
    except (ImportError, OSError, ValueError):
        head = ""  # schema-bootstrap says what is wrong with them
    return client_name.compose(
        client_name.ClientName(environ.get("SLOT", ""), head, environ.get("EDGEPAAS_BUILD_ID", ""))
    )


def write(values: Mapping[str, str], environ: Mapping[str, str], shell_file: Path) -> None:
    """Write the decision for the units that follow, and for people; nothing of an earlier stays."""
    place = environment.directory_in(environ["EDGEPAAS_RUN_DIR"])
    environment.write_all(values, place)
    for name in EXPORTS:
        if name not in values:
            environment.remove(name, place)
    try:
        shell_exports.write(shell_file, values)
    except OSError as error:
        raise environment.WriteError(shell_file, error) from error


def end(status: ExitStatus, problem: str, advice: str, course: Fields | None = None) -> int:
    """Log why the boot ends here and what to do; return the status."""
    fields = {**(course or {}), "status": int(status)}
    log.error("%s; %s", problem, advice, extra={"fields": fields})
    return status


if __name__ == "__main__":
    sys.exit(quick_exit.expect(main()))
