"""edgepaas seed-demo: have the application fill its database with a small example."""

import os
from pathlib import Path

from boot import pid1
from boot.exit_status import ExitStatus
from boot.verbs import arguments, run
from boot.verbs.refused import RefusedError

USAGE = """\
usage: edgepaas seed-demo [--again]

Has the application fill its database with a small fleet to look at: becomes
`python -m PACKAGE.seed_demo`, PACKAGE being that of EDGEPAAS_APP, in the environment the units
have. Never in production; on a database that is not empty only with --again, which adds what is
missing of the example.

Exit status: the module's own, 0 when the example is there, 1 where it refuses; 64 for a bad command
line, 78 in production, for a wrong environment, or where the application has no such module."""


def main(argv: list[str]) -> int:
    """Become the application's module; return an exit status only where that fails."""
    if argv not in ([], ["--again"]):
        return arguments.answer("seed-demo", argv, USAGE)
    run.enter()
    if os.environ.get("ENVIRONMENT") == "production":
        raise RefusedError(
            "ENVIRONMENT=production: an example has no place there", ExitStatus.CONFIG
        )
    module = f"{os.environ['EDGEPAAS_APP'].partition(':')[0].partition('.')[0]}.seed_demo"
    if not is_there(module):
        raise RefusedError(
            f"this application has no example: no module {module}", ExitStatus.CONFIG
        )
    return pid1.become(["python", "-m", module, *argv])


def is_there(module: str) -> bool:
    """Tell whether a module's file is where the units import from."""
    path = Path(*module.split(".")).with_suffix(".py")
    folders = os.environ.get("PYTHONPATH", "").split(os.pathsep)
    return any((Path(folder) / path).is_file() for folder in folders if folder)
