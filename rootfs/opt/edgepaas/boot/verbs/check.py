"""edgepaas check: would this container start? Starts nothing, touches no database."""

import os
from collections.abc import Sequence
from pathlib import Path

from boot import graph, unit_files, units
from boot.contract import ContractError, Resolution, default_root, load
from boot.contract_report import block
from boot.exit_status import ExitStatus
from boot.verbs.console import complain, say

USAGE = """\
usage: edgepaas check

Holds the environment and the unit files against what the boot accepts, without starting anything
or touching a database. Exit status 0: nothing wrong; 78: something is, and the report says what."""
CONF_D = Path("etc/supervisor/conf.d")


def main(argv: list[str]) -> int:
    """Check environment and units; return 0, 78, or 64 for a bad command line."""
    if argv:
        return usage(argv)
    root = default_root()
    try:
        contract = load(root)
    except ContractError as error:
        say("\n".join(error.faults))
        return ExitStatus.CONFIG
    resolution = contract.resolve(os.environ)
    declared, problems = check_units(root / CONF_D)
    return conclude(resolution, declared, problems)


def usage(argv: list[str]) -> int:
    """Answer --help, and anything else that should not be there."""
    if argv[0] in {"-h", "--help"}:
        say(USAGE)
        return ExitStatus.OK
    complain(f"edgepaas check takes no arguments, not {' '.join(argv)!r}\n{USAGE}")
    return ExitStatus.USAGE


def check_units(conf_d: Path) -> tuple[Sequence[units.Unit], list[units.Problem]]:
    """Return the declared units and all that is wrong with their files and their graph."""
    declared, problems = unit_files.load(conf_d)
    return declared, [*problems, *graph.validate(declared)]


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
