"""One life of the container: prepare, supervise, say why it ended."""

import gc
import logging
import os
from pathlib import Path

from boot import (
    daemon_config,
    essentials,
    farewell,
    graph,
    privileges,
    report_file,
    run_directory,
    settings,
    uncaught,
    unit_files,
)
from boot.alerts import final
from boot.contract import Contract, ContractError, default_root, load
from boot.ends import Outcome
from boot.exit_status import ExitStatus
from boot.exports import Exports
from boot.logline import wants_colour
from boot.notify import NotifySocket
from boot.redact import Redactor
from boot.relay import Relay, RelayHandler
from boot.report import Report
from boot.run_directory import CannotWriteError
from boot.sequencer import Policy
from boot.settings import Settings
from boot.sink import Sink, open_stdout
from boot.units import Problem, Unit

FLUSH_SECONDS = 0.5

log = logging.getLogger(__name__)


def run() -> int:
    """Live from the first line to the last; return the exit status."""
    sink = open_stdout()
    try:
        contract = load(default_root())
    except ContractError as error:
        return broken_contract(error, sink)
    ours = settings.read(contract)
    essentials.publish(ours, contract)
    relay = open_log(sink, contract)
    outcome = live(ours, relay)
    sink.drain(FLUSH_SECONDS)
    final.send(outcome, contract)
    farewell.say(outcome, ours.run_dir)
    sink.drain(FLUSH_SECONDS)
    return int(outcome.status)


def live(ours: Settings, relay: Relay) -> Outcome:
    """Prepare and supervise; return why it ended."""
    try:
        give_up_root(ours)
        run_directory.prepare(ours)
        units, problems = read_units(ours)
        if problems:
            return refuse(problems)
        return supervise(ours, units, relay)
    except CannotWriteError as error:
        return Outcome(error.status, f"{error}; {error.advice}")
    except Exception:
        log.exception("a bug in PID 1")
        return Outcome(ExitStatus.SOFTWARE, "a bug in PID 1, told above")


def open_log(sink: Sink, contract: Contract) -> Relay:
    """Send our own logging and all that units print through one relay to stdout."""
    mask = Redactor(contract.secret_values(os.environ)).mask
    form = contract.lenient(os.environ, "LOG_FORMAT")
    relay = Relay(sink, mask, form, colour=wants_colour(sink.fd))
    level = logging.getLevelNamesMapping()[contract.lenient(os.environ, "LOG_LEVEL").upper()]
    logging.captureWarnings(capture=True)
    uncaught.install()
    logging.basicConfig(level=level, handlers=[RelayHandler(relay)], force=True)
    return relay


def give_up_root(ours: Settings) -> None:
    """Become an ordinary user where we are root and may."""
    if os.geteuid() != 0 or os.getpid() != 1:
        return
    run_directory.make(ours.run_dir)
    privileges.hand_over(ours.run_dir, ours.data_dir)
    if privileges.drop():
        log.info("started as root: running as uid %d with gid %d", privileges.UID, privileges.GID)
    else:
        log.info("started as root without the capability to change that: staying uid 0")


def read_units(ours: Settings) -> tuple[list[Unit], list[Problem]]:
    """Return the units in the order they may start, and all that is wrong with them."""
    try:
        os.chdir(ours.app_dir)
    except OSError as error:
        what = f"the directory of the app cannot be entered ({error.strerror})"
        return [], [Problem(str(ours.app_dir), what, "set EDGEPAAS_APP_DIR to where it stands")]
    units, problems = unit_files.load(ours.conf_d)
    return graph.order(units), [*problems, *graph.validate(units)]


def refuse(problems: list[Problem]) -> Outcome:
    """Log every problem; return the outcome."""
    for problem in problems:
        log.error("%s", problem)
    count = "a problem" if len(problems) == 1 else f"{len(problems)} problems"
    return Outcome(ExitStatus.CONFIG, f"{count} with the units, told above")


def supervise(ours: Settings, units: list[Unit], relay: Relay) -> Outcome:
    """Run the units under supervisord until all is over; return why it ended."""
    from boot import supervision  # noqa: PLC0415 - 70 ms that a wrong unit file need not pay

    gc.freeze()
    gc.enable()
    config = ours.run_dir / "supervisord.conf"
    try:
        daemon_config.write(config, daemon_config.render(units, ours))
        notify = NotifySocket(ours.run_dir / "notify.sock")
    except OSError as error:
        raise CannotWriteError(ours.run_dir, error) from error
    boot = supervision.Boot(
        units=units,
        policy=Policy(ours.budget, hold=ours.hold),
        report=Report(units, identity(ours)),
        relay=relay,
        exports=Exports(os.environ, ours.environment),
        notify=notify,
        run_dir=ours.run_dir,
    )
    log.info("boot %s of build %s", ours.boot_id, os.environ.get("EDGEPAAS_BUILD_ID", "unknown"))
    try:
        return supervision.run(boot, config)
    finally:
        notify.close()
        report_file.write(boot.report, ours.run_dir)


def identity(ours: Settings) -> dict[str, str]:
    """Return what tells this container from others."""
    return {
        "boot_id": ours.boot_id,
        "build_id": os.environ.get("EDGEPAAS_BUILD_ID", ""),
        "version": os.environ.get("EDGEPAAS_VERSION", ""),
        "slot": os.environ.get("SLOT", ""),
    }


def broken_contract(error: ContractError, sink: Sink) -> int:
    """Say what is wrong with environment.toml or environment.d; return the exit status."""
    logging.basicConfig(level=logging.INFO, handlers=[RelayHandler(Relay(sink, str, "json"))])
    for fault in error.faults:
        log.error("%s", fault)
    run_dir = Path(os.environ.get("EDGEPAAS_RUN_DIR") or "/run/edgepaas")
    cause = "the environment contract itself is broken, as told above"
    farewell.say(Outcome(ExitStatus.CONFIG, cause), run_dir)
    sink.drain(FLUSH_SECONDS)
    return ExitStatus.CONFIG
