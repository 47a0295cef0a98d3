"""edgepaas check: would this container start? Starts nothing, touches no database."""

import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from boot import graph, unit_files, units
from boot.contract import Resolution, default_root
from boot.contract_report import block
from boot.database import revisions
from boot.database.schema_error import SchemaError
from boot.exit_status import ExitStatus
from boot.verbs import arguments, in_effect
from boot.verbs.console import say

USAGE = """\
usage: edgepaas check

Holds the environment and the unit files against what the boot accepts, without starting anything
or touching a database. Exit status 0: nothing wrong; 78: something is, and the report says what.
Hints about the migrations change nothing in that."""
CONF_D = Path("etc/supervisor/conf.d")


def main(argv: list[str]) -> int:
    """Check environment and units; return 0, 78, or 64 for a bad command line."""
    if argv:
        return arguments.answer("check", argv, USAGE)
    contract = in_effect.contract()
    resolution = contract.resolve(os.environ)
    declared, problems = check_units(default_root() / CONF_D)
    status = conclude(resolution, declared, problems)
    # Units find the app by PYTHONPATH; this process, run isolated (-I), does not.
    sys.path.insert(1, contract.lenient(os.environ, "EDGEPAAS_APP_DIR"))
    for hint in hints(contract.lenient(os.environ, "EDGEPAAS_SCHEMA_MIGRATIONS")):
        say(f"hint: {hint}")
    return status


def check_units(conf_d: Path) -> tuple[Sequence[units.Unit], list[units.Problem]]:
    """Return the declared units and all that is wrong with their files and their graph."""
    declared, problems = unit_files.load(conf_d)
    return declared, [*problems, *graph.validate(declared)]


def hints(migrations: str) -> Iterator[str]:
    """Yield what the migrations will have against them one day; nothing where there are none."""
    try:
        found = revisions.scan(revisions.directory_of(migrations)).migrations
    except SchemaError as error:
        if error.status is ExitStatus.SCHEMA:
            yield f"{error}; {error.advice}"
        return
    for name, revision in found.items():
        if revision.below and not revision.min_reader:
            yield f"migration {name} has no min_reader, so no older image will serve its schema"


def conclude(
    resolution: Resolution, declared: Sequence[units.Unit], problems: Sequence[units.Problem]
) -> int:
    """Say what was found; return the exit status."""
    if resolution.problems:
        say(block(resolution.problems))
    if problems:
        count = "1 problem" if len(problems) == 1 else f"{len(problems)} problems"
        say("\n".join([f"{count} with the units", *map(str, problems)]))
    if resolution.problems or problems:
        return ExitStatus.CONFIG
    say(f"nothing wrong: {resolution.counts()}; units: {len(declared)}")
    return ExitStatus.OK
