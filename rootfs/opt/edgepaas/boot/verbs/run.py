"""edgepaas run: become a command, in the environment the units have."""

import json
import os
from collections.abc import Mapping
from pathlib import Path

from boot import essentials, pid1, settings
from boot.contract import Contract
from boot.database import decision, url
from boot.exit_status import ExitStatus
from boot.oneshots import db_wait
from boot.verbs import arguments, in_effect
from boot.verbs.refused import RefusedError

USAGE = """\
usage: edgepaas run [--] COMMAND [ARGUMENT…]

Becomes COMMAND, in the container environment. In a running container that is what its units have,
with the database this boot decided for. In one started for it (`docker run IMAGE run COMMAND`)
the environment is checked and completed first, and DATABASE_URL is taken at its word: nothing is
asked, nothing falls back.

Exit status: the command's own; 64 without one, 78 for a wrong environment, 126 where the command
or the container environment may not be used, 127 where there is no such command."""
OF_UNITS_ONLY = "PROMETHEUS_MULTIPROC_DIR"


def main(argv: list[str]) -> int:
    """Become the command; return an exit status only where that fails."""
    command = argv[1:] if argv[:1] == ["--"] else argv
    if not command or (argv == command and argv[0].startswith("-")):
        return arguments.answer("run", argv, USAGE)
    enter()
    return pid1.become(command)


def enter() -> None:
    """Make this process's environment the units'. Raises RefusedError."""
    contract = in_effect.contract()
    ours = settings.read(contract)
    values = of_units(ours.run_dir) or completed(contract)
    essentials.publish(ours, contract)
    os.environ.update(values)
    # Samples of a command would stay among those of the workers.
    os.environ.pop(OF_UNITS_ONLY, None)


def of_units(run_dir: Path) -> dict[str, str]:
    """Return what the units of a running container have, {} where none runs. Raises as `enter`."""
    values = in_effect.running(run_dir)
    return {**values, **boot_id(run_dir)} if values else {}


def boot_id(run_dir: Path) -> dict[str, str]:
    """Return the running boot's id as a variable; {} where there is no report."""
    try:
        report = json.loads((run_dir / "boot.json").read_text(encoding="utf-8"))
        return {"EDGEPAAS_BOOT_ID": str(report["boot_id"])}
    except (OSError, ValueError, LookupError, TypeError):
        return {}


def completed(contract: Contract) -> dict[str, str]:
    """Return what this environment comes to, with its database. Raises RefusedError."""
    values = in_effect.values(contract)
    return {**values, **database(values)}


def database(values: Mapping[str, str]) -> dict[str, str]:
    """Return the database as units are given it, without asking it. Raises RefusedError."""
    try:
        wanted = db_wait.read_request(values)
    except url.DatabaseUrlError as error:
        raise RefusedError(f"{error}; {error.advice}", ExitStatus.CONFIG) from None
    decided = decision.without_asking(wanted)
    if decided and not decided.url:
        raise RefusedError(f"{decided.reason}; {decided.advice}", decided.status)
    target = decided.url if decided else wanted.url
    return {"DATABASE_URL": target.sqlalchemy()} if target else {}
