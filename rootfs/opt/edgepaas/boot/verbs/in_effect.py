"""The environment a verb works in: the contract, what it comes to, and what a boot's units wrote.

Nothing is said here: whatever is wrong is raised, for the command to say.
"""

import os
from collections.abc import Callable, Mapping
from pathlib import Path

from boot import environment
from boot.contract import Contract, ContractError, default_root, load
from boot.contract_report import block
from boot.exit_status import ExitStatus
from boot.redact import Redactor
from boot.verbs.refused import RefusedError


def contract() -> Contract:
    """Return the contract of this tree. Raises RefusedError naming every fault of its files."""
    try:
        return load(default_root())
    except ContractError as error:
        raise RefusedError("\n".join(error.faults), ExitStatus.CONFIG) from None


def mask(of: Contract, environ: Mapping[str, str] = os.environ) -> Callable[[str], str]:
    """Return what hides the secrets of an environment in a text."""
    return Redactor(of.secret_values(environ)).mask


def values(of: Contract, environ: Mapping[str, str] = os.environ) -> dict[str, str]:
    """Return what the environment comes to. Raises RefusedError with the report of all problems."""
    resolution = of.resolve(environ)
    if resolution.problems:
        raise RefusedError(block(resolution.problems), ExitStatus.CONFIG)
    return resolution.values


def running(run_dir: Path) -> dict[str, str]:
    """Return what the units of a boot wrote; {} where none did. Raises RefusedError."""
    place = environment.directory_in(run_dir)
    try:
        return environment.read_all(place)
    except OSError as error:
        message = (
            f"{place} cannot be read: {error.strerror}; "
            "run this as the container's own user: `docker exec` without --user"
        )
        raise RefusedError(message, ExitStatus.CANNOT_EXECUTE) from None
