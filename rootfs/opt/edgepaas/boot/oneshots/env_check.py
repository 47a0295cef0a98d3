"""env-check: holds the environment against the contract, and writes what it comes to.

Ends with 78 and one report of every problem, or with the container environment written.
"""

import logging
import os
import sys

from boot import environment, quick_exit
from boot.contract import Contract, ContractError, Resolution, default_root, load
from boot.contract_report import PROGRAM, log_lines
from boot.exit_status import ExitStatus
from boot.logline import configure, render

HOW_WE_LOG = ("LOG_FORMAT", "LOG_LEVEL", "TZ")

log = logging.getLogger(__name__)


def main() -> int:
    """Check and write; return the exit status."""
    try:
        contract = load(default_root())
    except ContractError as error:
        return report_broken_contract(error)
    resolution = contract.resolve(os.environ)
    prepare_log(contract)
    if resolution.problems:
        return report_problems(resolution)
    return write(contract, resolution)


def report_broken_contract(error: ContractError) -> int:
    """Print what is wrong with environment.toml or environment.d."""
    for fault in error.faults:
        sys.stdout.write(f"{render('ERROR', PROGRAM, fault)}\n")
    return ExitStatus.CONFIG


def prepare_log(contract: Contract) -> None:
    """Log as the environment asks, or by default where it asks for something impossible."""
    for name in HOW_WE_LOG:
        os.environ[name] = contract.lenient(os.environ, name)
    configure(PROGRAM)


def report_problems(resolution: Resolution) -> int:
    """Print the report, whatever LOG_LEVEL is."""
    for line in log_lines(resolution.problems, os.environ["LOG_FORMAT"]):
        sys.stdout.write(f"{line}\n")
    return ExitStatus.CONFIG


def write(contract: Contract, resolution: Resolution) -> int:
    """Write every effective value into the container environment."""
    place = environment.directory_in(contract.lenient(os.environ, "EDGEPAAS_RUN_DIR"))
    try:
        environment.write_all(resolution.values, place)
    except environment.WriteError as error:
        log.error("%s", error)  # noqa: TRY400 - an operator's mistake needs no traceback
        return error.status
    log.info("%s", resolution.counts())
    return ExitStatus.OK


if __name__ == "__main__":
    sys.exit(quick_exit.expect(main()))
