"""edgepaas run: become a command, in the environment the units have."""

import json
import os
from collections.abc import Mapping
from pathlib import Path

from boot import environment, lifetime, pid1, settings
from boot.contract import Contract, ContractError
from boot.contract_report import block
from boot.database import decision, url
from boot.exit_status import ExitStatus
from boot.oneshots import db_wait
from boot.settings import Settings
from boot.verbs import arguments
from boot.verbs.console import complain

USAGE = """\
usage: edgepaas run [--] COMMAND [ARGUMENT…]

Becomes COMMAND, in the container environment. In a running container that is what its units have,
with the database this boot decided for. In one started for it (`docker run IMAGE run COMMAND`)
the environment is checked and completed first, and DATABASE_URL is taken at its word: nothing is
asked, nothing falls back.

Exit status: the command's own; 64 without one, 78 for a wrong environment, 126 where the command
or the container environment may not be used, 127 where there is no such command."""
OF_UNITS_ONLY = "PROMETHEUS_MULTIPROC_DIR"


class RefusedError(Exception):
    """The command cannot be run; the message says why, `status` is the exit status."""

    def __init__(self, message: str, status: ExitStatus) -> None:
        super().__init__(message)
        self.status = status


def main(argv: list[str]) -> int:
    """Become the command; return an exit status only where that fails."""
    command = argv[1:] if argv[:1] == ["--"] else argv
    if not command or (argv == command and argv[0].startswith("-")):
        return arguments.answer("run", argv, USAGE)
    try:
        enter()
    except RefusedError as refused:
        complain(str(refused))
        return refused.status
    return pid1.become(command)


def enter() -> None:
    """Make this process's environment the units'. Raises RefusedError."""
    try:
        ours, contract = settings.read()
    except ContractError as error:
        raise RefusedError("\n".join(error.faults), ExitStatus.CONFIG) from None
    values = running(ours) or resolved(contract)
    lifetime.publish(ours, contract)
    os.environ.update(values)
    # Samples of a command would stay among those of the workers.
    os.environ.pop(OF_UNITS_ONLY, None)


def running(ours: Settings) -> dict[str, str]:
    """Return what the units of a running container wrote, {} where none runs. Raises as `enter`."""
    try:
        values = environment.read_all(ours.environment)
    except OSError as error:
        message = (
            f"{ours.environment} cannot be read: {error.strerror}; "
            "run this as the container's own user: `docker exec` without --user"
        )
        raise RefusedError(message, ExitStatus.CANNOT_EXECUTE) from None
    return {**values, **boot_id(ours.run_dir)} if values else {}


def boot_id(run_dir: Path) -> dict[str, str]:
    """Return the running boot's id as a variable; {} where there is no report."""
    try:
        report = json.loads((run_dir / "boot.json").read_text(encoding="utf-8"))
        return {"EDGEPAAS_BOOT_ID": str(report["boot_id"])}
    except (OSError, ValueError, LookupError, TypeError):
        return {}


def resolved(contract: Contract) -> dict[str, str]:
    """Return what this environment comes to, complete. Raises RefusedError."""
    resolution = contract.resolve(os.environ)
    if resolution.problems:
        raise RefusedError(block(resolution.problems), ExitStatus.CONFIG)
    return {**resolution.values, **database(resolution.values)}


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
