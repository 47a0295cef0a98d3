"""edgepaas db replay: bring the rows of a fallback into PostgreSQL."""

from pathlib import Path

from boot.database import claim, decision
from boot.database.journal import Journal
from boot.database.schema_request import SchemaRequest
from boot.exit_status import ExitStatus
from boot.logline import configure
from boot.oneshots import schema_bootstrap
from boot.verbs import arguments, in_effect, job, migrate
from boot.verbs.console import say

PROGRAM = "db-replay"
USAGE = """\
usage: edgepaas db replay [--into-another]

Brings what was written to the fallback in EDGEPAAS_DATA_DIR into the PostgreSQL that DATABASE_URL
names: every operation exactly once, contested rows set aside (`edgepaas db resolve`), nothing
overwritten. Then the file is kept under another name. While a container still serves from the
file it stays, and what is written from now on follows when that container returns to PostgreSQL.

--into-another allows a database other than the one the fallback stood in for.

Exit status: 0 replayed, or nothing to replay; 69 or 75 PostgreSQL cannot be had, or is busy: what
is done is done, run it again; 76 the schema is behind; 77 no rights; 78 another database."""


def main(argv: list[str]) -> int:
    """Replay; return the exit status."""
    if argv not in ([], ["--into-another"]):
        return arguments.answer("db replay", argv, USAGE)
    environ = job.environment()
    path = Path(environ["EDGEPAAS_DATA_DIR"]) / decision.FALLBACK_FILE
    if not job.refusing(Journal(path).exists):
        say(f"nothing to replay: there is no journal in {path}")
        return ExitStatus.OK
    configure(PROGRAM, in_effect.mask(in_effect.contract()))
    into_another = bool(argv)
    return schema_bootstrap.reported(
        lambda: bring(migrate.request_of(environ), path, into_another=into_another)
    )


def bring(request: SchemaRequest, path: Path, *, into_another: bool) -> None:
    """Replay all there is, and set the file aside unless somebody serves from it."""
    from boot.database import replay  # noqa: PLC0415  # SQLAlchemy: 160 ms

    epoch, other = Journal(path).epoch(), claim.holder(path)
    if epoch is None or other is None:
        replay.at_boot(request, path, into_another=into_another)
        return
    replayed = replay.run(request, path, into_another=into_another)
    replay.tell(replayed, epoch, f"; {other} serves from {path}: the rest follows at its return")
