"""db-wait: decides which database serves this boot, and writes it down.

A signal ends it as it ends any process: nothing here needs cleaning up.
"""

import logging
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from boot import environment
from boot.database import decision, shell_exports, sqlite_file, url, volume, waiting
from boot.database.decision import Decision, Request
from boot.exit_status import ExitStatus
from boot.logline import configure

PROGRAM = "db-wait"
# The seed's /tmp/db_env.sh; a native run on a shared host has a TMPDIR of its own.
SHELL_FILE = Path(os.environ.get("TMPDIR") or "/tmp") / "db_env.sh"  # noqa: S108  # shell_exports makes it safe

Fields = dict[str, Any]

log = logging.getLogger(PROGRAM)


def main(environ: Mapping[str, str] = os.environ, shell_file: Path = SHELL_FILE) -> int:
    """Decide and write; return the exit status."""
    configure(PROGRAM)
    try:
        return decide_and_write(environ, shell_file)
    except (url.DatabaseUrlError, sqlite_file.CannotWriteError) as error:
        return end(error.status, str(error), error.advice)
    except environment.WriteError as error:
        return end(error.status, str(error), "mount tmpfs on /run and /tmp, writable for this user")


def decide_and_write(environ: Mapping[str, str], shell_file: Path) -> int:
    """Do what the unit is for, in order."""
    request = read_request(environ)
    decided, course = decide(request, environ)
    if decided.url is None:
        return end(decided.status, decided.reason, decided.advice, course)
    check_file(decided.url)
    announce(decided, course)
    remind_of_waiting_rows(request, decided)
    write(decided, decided.url, environ, shell_file)
    return ExitStatus.OK


def read_request(environ: Mapping[str, str]) -> Request:
    """Return what env-check left in the environment. Raises DatabaseUrlError."""
    given = environ.get("DATABASE_URL")
    return Request(
        mode=environ.get("EDGEPAAS_DB_MODE", ""),
        url=url.parse(given) if given else None,
        environment=environ.get("ENVIRONMENT", ""),
        fallback=environ.get("EDGEPAAS_DB_FALLBACK", ""),
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
    return decision.after_asking(request, waited, volume.of(request.data_dir)), course


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


def check_file(target: url.DatabaseUrl) -> None:
    """See that a SQLite file can be written. Raises CannotWriteError."""
    if isinstance(target, url.SqliteUrl):
        sqlite_file.check_writable(target.path)


def announce(decided: Decision, course: Fields) -> None:
    """Log the decision in one line; a fallback loudly."""
    target = decided.url.redacted() if decided.url else None
    fields = {"backend": decided.backend, "fallback": decided.fallback, **course, "url": target}
    level = logging.WARNING if decided.fallback else logging.INFO
    words = "FALLBACK: SQLite serves until the next boot" if decided.fallback else decided.backend
    log.log(level, "%s: %s", words, decided.reason, extra={"fields": fields})


def remind_of_waiting_rows(request: Request, decided: Decision) -> None:
    """Say loudly that rows of an earlier fallback wait, where another database serves now."""
    path = request.data_dir / decision.FALLBACK_FILE
    if decided.fallback or not path.exists() or not path.stat().st_size:
        return
    rows = sqlite_file.rows_in(path)
    if rows == 0:
        return
    log.warning(
        "%s rows of an earlier fallback wait in %s: they are kept, and not in the database that "
        "serves now; copy them over, then move the file away",
        "unreadable" if rows is None else rows,
        path,
        extra={"fields": {"fallback_rows": rows, "fallback_file": str(path)}},
    )


def write(
    decided: Decision, target: url.DatabaseUrl, environ: Mapping[str, str], shell_file: Path
) -> None:
    """Write the decision for the units that follow, and for people."""
    values = {
        "DATABASE_URL": target.sqlalchemy(),
        "EDGEPAAS_DB_BACKEND": decided.backend,
        "EDGEPAAS_DB_FALLBACK_ACTIVE": str(int(decided.fallback)),
        "EDGEPAAS_DB_REASON": " ".join(decided.reason.split()),
    }
    environment.write_all(values, environment.directory_in(environ["EDGEPAAS_RUN_DIR"]))
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
    sys.exit(main())
