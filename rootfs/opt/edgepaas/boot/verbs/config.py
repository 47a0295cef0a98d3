"""edgepaas config: the effective environment, and where each value is from; secrets masked."""

import json
import os
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from boot import environment
from boot.contract import Contract, Resolution, Variable
from boot.contract_problem import SHOWN_MOST, shown
from boot.contract_report import summary
from boot.exit_status import ExitStatus
from boot.redact import MASK, mask_urls
from boot.verbs import arguments, in_effect
from boot.verbs.console import complain, say

USAGE = """\
usage: edgepaas config [--json]

Prints every variable in effect with its origin: default, env, file (NAME_FILE), or decided (by a
unit of this boot). Secrets are masked. Exit status 78 if something in the environment is wrong."""


class Row(NamedTuple):
    """One variable in effect. `value` is fit to be seen."""

    name: str
    value: str
    origin: str


def main(argv: list[str]) -> int:
    """Print the table; return 0, 78 for a wrong environment, 64 for a bad command line."""
    if argv and argv != ["--json"]:
        return arguments.answer("config", argv, USAGE)
    contract = in_effect.contract()
    resolution = contract.resolve(os.environ)
    found = list(rows(contract, resolution, decided(contract)))
    say(as_json(found) if argv else as_table(found))
    if resolution.problems:
        complain(f"{summary(resolution.problems)}; see `edgepaas check`")
        return ExitStatus.CONFIG
    return ExitStatus.OK


def decided(contract: Contract) -> dict[str, str]:
    """Return the running container's environment; {} where none runs or it is not ours to read."""
    run_dir = contract.lenient(os.environ, "EDGEPAAS_RUN_DIR")
    try:
        return environment.read_all(environment.directory_in(run_dir))
    except OSError:
        return {}


def rows(contract: Contract, resolution: Resolution, running: Mapping[str, str]) -> Iterator[Row]:
    """Yield the variables in effect; what a unit of the boot wrote beats what was given."""
    for variable in contract.variables.values():
        name = variable.name
        given = resolution.values.get(name)
        value = running.get(name, given)
        if value is not None:
            origin = resolution.origins.get(name, "") if value == given else "decided"
            yield Row(name, seen(variable, value), origin)
    for name in sorted(running.keys() - contract.variables.keys()):
        yield Row(name, MASK, "decided")


def seen(variable: Variable, value: str) -> str:
    """Return a value as it may be shown: a secret as ***, a database URL without its password."""
    if variable.type == "database-url":
        return mask_urls(value).partition("?")[0] if "://" in value else MASK
    return MASK if variable.secret else mask_urls(value)


def as_json(found: list[Row]) -> str:
    """Return the rows as a JSON object by name."""
    return json.dumps(
        {row.name: {"value": row.value, "origin": row.origin} for row in found}, indent=2
    )


def as_table(found: list[Row]) -> str:
    """Return the rows as a table; a value that is not one plain line is quoted."""
    lines = [
        Row("NAME", "VALUE", "ORIGIN"),
        *(row._replace(value=plain(row.value)) for row in found),
    ]
    name, value = (max(len(row[column]) for row in lines) for column in (0, 1))
    return "\n".join(f"{row.name:{name}}  {row.value:{value}}  {row.origin}" for row in lines)


def plain(value: str) -> str:
    """Return the value, quoted and cut where it would break the table."""
    return value if value.isprintable() and len(value) <= SHOWN_MOST else shown(value)
