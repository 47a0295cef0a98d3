"""edgepaas db resolve: the contested rows, and which version of one is to stand."""

import json
from collections.abc import Callable, Mapping

from boot.database import conflicts
from boot.database.conflicts import Conflict
from boot.database.schema_error import SchemaError
from boot.database.schema_request import SchemaRequest
from boot.database.url import PostgresUrl
from boot.exit_status import ExitStatus
from boot.verbs import arguments, job, migrate
from boot.verbs.console import say

USAGE = """\
usage: edgepaas db resolve [--json]
       edgepaas db resolve ID --take postgres|fallback
       edgepaas db resolve --all --take postgres

Lists the rows that a replay set aside: what PostgreSQL had then, what the fallback would have, and
why not both. ID settles one row with all its changes. postgres leaves PostgreSQL as it is;
fallback writes the fallback's last version over whatever is there now. Nothing else is touched.

Exit status: 0; 64 no such row; 69 or 75 PostgreSQL cannot be had, or is busy; 77 it does not take
the fallback's version, and nothing is changed."""
GONE = "(no such row)"
NOTHING = "no contested rows"
Act = Callable[[SchemaRequest], None]


def main(argv: list[str]) -> int:
    """List or settle; return the exit status."""
    act = chosen(argv)
    if act is None:
        return arguments.answer("db resolve", argv, USAGE)
    environ = job.environment()
    job.refusing(lambda: act(request_of(environ)))
    return ExitStatus.OK


def chosen(argv: list[str]) -> Act | None:
    """Return what the command line asks for; None where it cannot be read."""
    match argv:
        case []:
            return list_rows
        case ["--json"]:
            return list_json
        case ["--all", "--take", "postgres"] | ["--take", "postgres", "--all"]:
            return leave_all
        case [number, "--take", ("postgres" | "fallback") as take] if number.isdecimal():
            return lambda request: settle(request, int(number), take)
    return None


def request_of(environ: Mapping[str, str]) -> SchemaRequest:
    """Return the request for the PostgreSQL the environment names, once it answers."""
    request = migrate.request_of(environ)
    if isinstance(request.migration_target, PostgresUrl):
        return request
    raise SchemaError(
        "contested rows are in PostgreSQL, and no PostgreSQL is named",
        "set DATABASE_URL=postgresql://user:password@host:5432/database",
        ExitStatus.CONFIG,
    )


def list_rows(request: SchemaRequest) -> None:
    """Print the rows for people."""
    found = waiting(request)
    say("\n\n".join(map(paragraph, found)) if found else NOTHING)
    if found:
        say("\nto settle one: edgepaas db resolve ID --take postgres|fallback")


def list_json(request: SchemaRequest) -> None:
    """Print the rows for programs."""
    say(json.dumps([conflict.as_document() for conflict in waiting(request)], indent=2))


def waiting(request: SchemaRequest) -> list[Conflict]:
    """Return the rows that wait, read as the role that replays."""
    target = request.migration_target
    return conflicts.waiting(target) if isinstance(target, PostgresUrl) else []


def paragraph(conflict: Conflict) -> str:
    """Return one row in a few lines."""
    changes = f"{conflict.changes} change{'s' if conflict.changes > 1 else ''}"
    return "\n".join(
        [
            f"{conflict.id}  {conflict.table} {readable(conflict.key)}  {changes}, "
            f"parked {conflict.parked_at}",
            f"   because   {conflict.reason}",
            f"   postgres  {readable(conflict.postgres)}",
            f"   fallback  {readable(conflict.fallback)}",
        ]
    )


def readable(text: str | None) -> str:
    """Return JSON with its letters as they are."""
    return GONE if text is None else json.dumps(json.loads(text), ensure_ascii=False)


def settle(request: SchemaRequest, number: int, take: str) -> None:
    """Let one version of a row stand."""
    from boot.database import resolution  # noqa: PLC0415  # SQLAlchemy: 160 ms

    settled = resolution.resolve(request, number, resolution.Take(take))
    stands = "written into PostgreSQL" if take == "fallback" else "left as PostgreSQL has it"
    say(f"{number}: {stands}; {settled} parked operations are settled")


def leave_all(request: SchemaRequest) -> None:
    """Let PostgreSQL's version of every row stand."""
    from boot.database import resolution  # noqa: PLC0415  # SQLAlchemy: 160 ms

    settled = resolution.leave_all(request)
    say(f"all left as PostgreSQL has them; {settled} parked operations are settled")
