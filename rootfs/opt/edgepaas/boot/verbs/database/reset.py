"""edgepaas db reset: empty the database and make its schema anew; its rows are kept in a file."""

import errno
import logging
import re
import sys
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from boot.database import claim, decision, losses, postgres_reset, sqlite_file, sqlite_reset, volume
from boot.database.journal import Journal
from boot.database.schema_error import SchemaError
from boot.database.schema_request import SchemaRequest
from boot.database.url import PostgresUrl
from boot.exit_status import ExitStatus
from boot.oneshots import schema_bootstrap
from boot.verbs import arguments, job, migrate
from boot.verbs.boot_table import read as read_report
from boot.verbs.console import say
from boot.verbs.refused import RefusedError

USAGE = """\
usage: edgepaas db reset [--confirm NAME] [--dump FILE]

Empties the database that the environment names and brings its schema to this image's revision.
First shows what will be lost and asks for the database's name; --confirm gives it on the command
line. First of all its rows are written to FILE, or to reset-NAME-TIME in EDGEPAAS_DATA_DIR: a
script for psql, a copy of a SQLite file.

Exit status: 0; 64 not confirmed; 69 or 75 the database cannot be had, or is in use; 73 or 74 the
file cannot be written; 76 a migration failed; 77 no rights; 78 refused: production, or rows of a
fallback that wait. Production is never reset."""
OPTIONS = {"--confirm": "confirm", "--dump": "dump"}
SERVING = frozenset({"booting", "ready", "stopping"})
SHOWN_MOST = 40
FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EIO})

log = logging.getLogger(__name__)


class Wish(NamedTuple):
    """The command line: the name given in confirmation, the file for the rows; "" where not."""

    confirm: str = ""
    dump: str = ""


class Database(NamedTuple):
    """One database that can be reset: what it would lose, and how to empty it into a file."""

    losses: losses.Losses
    kind: str
    empty: Callable[[Path], int]


def main(argv: list[str]) -> int:
    """Reset; return the exit status."""
    wish = parse(argv)
    if wish is None:
        return arguments.answer("db reset", argv, USAGE)
    environ = job.environment()
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stdout)
    logging.getLogger("alembic").setLevel(logging.WARNING)  # the migrator names the steps itself
    return job.refusing(lambda: reset(wish, environ))


def parse(argv: list[str]) -> Wish | None:
    """Return what the command line says; None where it cannot be read."""
    found: dict[str, str] = {}
    words = list(argv)
    while words:
        option, equals, value = words.pop(0).partition("=")
        name = OPTIONS.get(option, "")
        value = value if equals or not words else words.pop(0)
        if not name or not value or name in found:
            return None
        found[name] = value
    return Wish(**found)


def reset(wish: Wish, environ: Mapping[str, str]) -> int:
    """Do it, step by step; nothing is touched before the rows are in a file."""
    refuse_production(environ)
    refuse_waiting_rows(Path(environ["EDGEPAAS_DATA_DIR"]))
    refuse_running(Path(environ["EDGEPAAS_RUN_DIR"]))
    request = migrate.request_of(environ)
    database = look(request, environ)
    if database.losses.apps:
        raise postgres_reset.connected(database.losses.apps)
    file = file_for(wish, environ, database)
    say(told(database, file))
    confirm(wish, database.losses.name)
    empty(database, file)
    try:
        schema_bootstrap.bring_to_head(request)
    except SchemaError as error:
        error.advice += f"; the rows are in {file}"
        raise
    say(f"reset: {database.losses.name} is empty, its schema made anew; the rows are in {file}")
    return ExitStatus.OK


def refuse_production(environ: Mapping[str, str]) -> None:
    """Refuse where the environment is production's. Raises RefusedError."""
    if environ["ENVIRONMENT"] == decision.PRODUCTION:
        raise RefusedError(
            "ENVIRONMENT=production: a production database is never reset by this command, and "
            "no option changes that; nothing was touched",
            ExitStatus.CONFIG,
        )


def refuse_waiting_rows(data_dir: Path) -> None:
    """Refuse where rows of a fallback are still to be brought into it. Raises RefusedError."""
    path = data_dir / decision.FALLBACK_FILE
    journal = Journal(path)
    if not path.exists() or not path.stat().st_size:
        return
    waiting = journal.pending() if journal.exists() else sqlite_file.rows_in(path)
    if waiting != 0:
        raise RefusedError(
            f"rows of a fallback wait in {path}: bring them over first with `edgepaas db replay`, "
            "or move the file away; nothing was touched",
            ExitStatus.CONFIG,
        )


def refuse_running(run_dir: Path) -> None:
    """Refuse where the application runs beside us. Raises RefusedError."""
    try:
        phase = read_report(run_dir / "boot.json").get("phase")
    except (OSError, ValueError):
        return
    if phase in SERVING and (run_dir / "supervisor.sock").exists():
        raise RefusedError(
            f"the application runs here (the boot is {phase}): stop the container, then "
            "`docker run --rm … IMAGE db reset` with its variables and volume; nothing was touched",
            ExitStatus.TEMPORARY,
        )


def look(request: SchemaRequest, environ: Mapping[str, str]) -> Database:
    """Return the database the request names. Raises SchemaError."""
    target = request.target
    if isinstance(target, PostgresUrl):
        owner = request.migration_target
        postgres = owner if isinstance(owner, PostgresUrl) else target
        found = postgres_reset.look(request, postgres)
        return Database(found, "sql", lambda file: postgres_reset.empty(request, postgres, file))
    path = target.path
    us = claim.own(environ, exclusive=True)
    return Database(sqlite_reset.look(path), "db", lambda file: sqlite_reset.empty(path, file, us))


def file_for(wish: Wish, environ: Mapping[str, str], database: Database) -> Path:
    """Return where the rows go. Raises RefusedError where they would end with the container."""
    if wish.dump:
        return Path(wish.dump).absolute()
    directory = Path(environ["EDGEPAAS_DATA_DIR"])
    if database.kind == "sql" and (danger := volume.of(directory).danger):
        raise RefusedError(
            f"{directory} {danger}, and the rows with it: mount a volume there, or name a place "
            "that stays with --dump FILE; nothing was touched",
            ExitStatus.CANNOT_WRITE,
        )
    name = re.sub(r"[^\w.-]", "_", database.losses.name)
    moment = datetime.now(UTC).strftime("%Y%m%dT%H%M%S.%fZ")
    return directory / f"reset-{name}-{moment}.{database.kind}"


def told(database: Database, file: Path) -> str:
    """Return what will be lost, for a person to read."""
    lost = database.losses
    rows = sorted(lost.rows.items(), key=lambda item: (-item[1], item[0]))
    width = max((len(name) for name, _ in rows), default=0)
    lines = [
        f"This empties the database {lost.name} on {lost.place} (revision {lost.revision}): "
        f"{lost.total} rows in {len(rows)} tables.",
        *(f"  {name:{width}}  {count}" for name, count in rows[:SHOWN_MOST]),
    ]
    if len(rows) > SHOWN_MOST:
        lines.append(f"  and {len(rows) - SHOWN_MOST} more tables")
    if lost.others:
        names = ", ".join(sorted(set(lost.others)))
        lines.append(f"Others are connected, and what they write meanwhile is lost: {names}")
    lines.append(f"The rows are written first to {file}")
    return "\n".join(lines)


def confirm(wish: Wish, name: str) -> None:
    """See that the operator named the database. Raises RefusedError (64)."""
    given = wish.confirm or asked(name)
    if given != name:
        raise RefusedError(
            f"{given!r} is not the database's name, {name!r}; nothing was touched", ExitStatus.USAGE
        )


def asked(name: str) -> str:
    """Ask at the terminal. Raises RefusedError where there is none."""
    if not sys.stdin.isatty():
        raise RefusedError(
            f"nobody can be asked here, there is no terminal: give --confirm {name}, or use "
            "`docker run -it`; nothing was touched",
            ExitStatus.USAGE,
        )
    say("Type the database's name to go on:")
    return sys.stdin.readline().strip()


def empty(database: Database, file: Path) -> None:
    """Write the rows to the file and empty the database. Raises RefusedError, SchemaError."""
    existed = file.exists()
    try:
        count = database.empty(file)
    except OSError as error:
        status = ExitStatus.IO if error.errno in FULL else ExitStatus.CANNOT_WRITE
        raise RefusedError(
            f"the rows cannot be written to {file}: {error.strerror or error}; "
            "name another place with --dump FILE; nothing was touched",
            status,
        ) from None
    except Exception as error:
        if file.exists() and not existed:
            say(f"the rows are in {file}")
        if not isinstance(error, SchemaError):
            # An application's own migration may raise anything.
            log.exception("a migration failed; run this again, or load the rows back")
            raise RefusedError("the database is partly taken back", ExitStatus.SCHEMA) from None
        raise
    say(f"{count} rows written to {file}")
