"""edgepaas db back: leave the fallback, by letting PID 1 decide for a database anew."""

import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from boot.database import probe
from boot.database.url import DatabaseUrlError, PostgresUrl, parse
from boot.exit_status import ExitStatus
from boot.verbs import arguments, boot_table, control, in_effect
from boot.verbs.console import say
from boot.verbs.place import run_dir
from boot.verbs.refused import RefusedError
from boot.verbs.switch import FAILURES

USAGE = """\
usage: edgepaas db back

Returns the running container from its fallback to PostgreSQL, without a restart: drains and stops
what serves, replays the last changes, starts it on PostgreSQL. Does nothing unless PostgreSQL
answers, and nothing where there is no fallback. Prints what happens until the container is ready.

Exit status: 0 PostgreSQL serves; 69 it does not, or nothing runs here; 75 not now, or not yet
done; else why PostgreSQL cannot be used, or what the container ended with."""
RERUN, FIRST = "edgepaas.rerun", "db-wait"
CONTROL_SECONDS = 10.0
ATTEMPT_SECONDS = 10.0
LONGEST = 900.0
POLL = 0.1
UNDER_WAY = frozenset({"booting", "rerunning"})
READY = "ready"


def main(argv: list[str]) -> int:
    """Go back; return the exit status."""
    if argv:
        return arguments.answer("db back", argv, USAGE)
    directory = run_dir()
    values = in_effect.running(directory)
    before = report_of(directory)
    if not values or not before:
        raise refusal(control.NotRunningError(f"nothing runs here: no report in {directory}"))
    if values.get("EDGEPAAS_DB_FALLBACK_ACTIVE") != "1":
        backend = values.get("EDGEPAAS_DB_BACKEND") or "no database yet"
        say(f"nothing to go back from: this is no fallback ({backend} serves)")
        return ExitStatus.OK
    see_postgres(values)
    ask_for_it(directory)
    say("PostgreSQL answers: draining, then back to it")
    return follow(directory, attempts_of(before))


def see_postgres(values: dict[str, str]) -> None:
    """See that PostgreSQL can be used. Raises RefusedError, having changed nothing."""
    try:
        target = parse(values.get("EDGEPAAS_POSTGRES_URL", ""), "EDGEPAAS_POSTGRES_URL")
    except DatabaseUrlError as error:
        raise RefusedError(f"{error}; {error.advice}", error.status) from None
    if not isinstance(target, PostgresUrl):
        raise RefusedError("the fallback stands in for no PostgreSQL", ExitStatus.CONFIG)
    outcome = probe.attempt(target, ATTEMPT_SECONDS, {**os.environ, **values})
    if outcome.policy.status is not ExitStatus.OK:
        raise RefusedError(
            f"PostgreSQL: {outcome.verdict} ({outcome.detail}); {outcome.policy.advice}; "
            "the fallback serves on",
            outcome.policy.status,
        )


def ask_for_it(directory: Path) -> None:
    """Ask PID 1 to decide anew. Raises RefusedError."""
    try:
        control.call(directory, RERUN, CONTROL_SECONDS, FIRST)
    except control.FaultError as error:
        raise RefusedError(f"{error}; see `edgepaas boot`", ExitStatus.TEMPORARY) from None
    except control.ControlError as error:
        raise refusal(error) from None


def refusal(error: control.ControlError) -> RefusedError:
    """Return what a verb says that PID 1 does not answer."""
    status, advice = FAILURES[type(error)]
    return RefusedError(f"{error}; {advice}", status)


def follow(directory: Path, attempts: int) -> int:
    """Print the steps until the container is ready again. Raises RefusedError where it is not."""
    deadline = time.monotonic() + LONGEST
    told: dict[str, str] = {}
    while time.monotonic() < deadline:
        report = report_of(directory)
        for line in news(report, told):
            say(line)
        if attempts_of(report) > attempts and report["phase"] not in UNDER_WAY:
            return judged(directory, report)
        time.sleep(POLL)
    raise RefusedError(
        f"not ready again within {LONGEST:.0f} s; see `edgepaas boot`", ExitStatus.TEMPORARY
    )


def judged(directory: Path, report: dict[str, Any]) -> int:
    """Return 0 where PostgreSQL serves. Raises RefusedError with what became of it instead."""
    if report["phase"] != READY:
        failed = [unit for unit in report["units"] if unit["state"] == "failed"]
        status = failed[0]["status"] if failed else None
        cause = f"{failed[0]['name']} {failed[0]['result']}" if failed else "it was told to stop"
        raise RefusedError(
            f"the container is {report['phase']}: {cause}; see `edgepaas doctor`",
            ExitStatus(status) if status in set(ExitStatus) else ExitStatus.TEMPORARY,
        )
    values = in_effect.running(directory)
    if values.get("EDGEPAAS_DB_FALLBACK_ACTIVE") == "1":
        raise RefusedError(
            f"it fell back again: {values.get('EDGEPAAS_DB_REASON')}", ExitStatus.UNREACHABLE
        )
    say("ready again: PostgreSQL serves")
    return ExitStatus.OK


def news(report: dict[str, Any], told: dict[str, str]) -> Iterator[str]:
    """Yield the units whose state is another than when they were last looked at."""
    for unit in report.get("units", ()):
        name, state = unit["name"], unit["state"]
        if told.get(name, state) != state:
            why = f": {unit['result']}" if unit["result"] not in {None, state} else ""
            yield f"  {name} is {state}{why}"
        told[name] = state


def report_of(directory: Path) -> dict[str, Any]:
    """Return the boot report, {} where there is none."""
    try:
        return boot_table.read(directory / "boot.json")
    except (OSError, ValueError):
        return {}


def attempts_of(report: dict[str, Any]) -> int:
    """Return how often the step that decides has been started."""
    found = (unit["attempts"] for unit in report.get("units", ()) if unit["name"] == FIRST)
    return int(next(found, 0))
