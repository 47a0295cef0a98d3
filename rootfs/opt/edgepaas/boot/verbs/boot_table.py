"""edgepaas boot: the boot as a table, from the report PID 1 keeps."""

import json
from pathlib import Path
from typing import Any

from boot.exit_status import ExitStatus
from boot.verbs import arguments
from boot.verbs.console import complain, say
from boot.verbs.place import run_dir

USAGE = """\
usage: edgepaas boot [--json]

Prints each unit of this boot with its start, its seconds and its result; --json prints boot.json
as it is. Exit status 69 where nothing runs."""


def main(argv: list[str]) -> int:
    """Print the report; return 0, 64, 69 where there is none, 74 where it cannot be read."""
    if argv and argv != ["--json"]:
        return arguments.answer("boot", argv, USAGE)
    directory = run_dir()
    try:
        report = read(directory / "boot.json")
    except FileNotFoundError:
        complain(
            f"nothing runs here: there is no boot report in {directory}.\n"
            "Ask inside a running container: `docker exec CONTAINER edgepaas boot`"
        )
        return ExitStatus.UNREACHABLE
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not a boot report"
        complain(f"{directory / 'boot.json'} cannot be read: {why}")
        return ExitStatus.IO
    say(json.dumps(report, indent=2) if argv else table(report, directory))
    return ExitStatus.OK


def read(path: Path) -> dict[str, Any]:
    """Return the report in a file. Raises OSError, and ValueError for anything else in it."""
    report = json.loads(path.read_text(encoding="utf-8"))
    if not isinstance(report, dict) or "units" not in report:
        raise ValueError(path)
    return report


def table(report: dict[str, Any], directory: Path) -> str:
    """Return the report as a table, and below it how the boot ended, if it has."""
    from boot.report import render_table  # noqa: PLC0415 - 25 ms that --json need not pay

    lines = render_table(report).rstrip()
    try:
        end = json.loads((directory / "exit.json").read_text(encoding="utf-8"))
        who = f"{end['unit']} " if end["unit"] else ""
        ended = f"ended with exit status {end['status']} ({end['meaning']}): {who}{end['cause']}"
    except (OSError, ValueError, KeyError, TypeError):
        return lines
    return f"{lines}\n{ended}"
