"""The exit statuses of the container, one table. Imports nothing of ours.

Numbers follow sysexits.h where it has one (https://man.freebsd.org/sysexits).
"""

from enum import IntEnum
from typing import NamedTuple

SIGNAL_BASE = 128


class ExitStatus(IntEnum):
    """What the container's exit status tells a deploy script."""

    OK = 0
    USAGE = 64
    UNREACHABLE = 69
    SOFTWARE = 70
    CRASHED = 71
    CANNOT_WRITE = 73
    IO = 74
    TEMPORARY = 75
    SCHEMA = 76
    REFUSED = 77
    CONFIG = 78
    CUT = 80
    CANNOT_EXECUTE = 126
    NO_SUCH_COMMAND = 127


class Explanation(NamedTuple):
    """One row of the table: what happened and what the operator does next."""

    meaning: str
    advice: str


EXPLANATIONS: dict[int, Explanation] = {
    ExitStatus.OK: Explanation("stopped as asked", "nothing to do"),
    ExitStatus.USAGE: Explanation("bad command line", "see `edgepaas --help`"),
    ExitStatus.UNREACHABLE: Explanation(
        "the database could not be reached",
        "check that it runs and that DATABASE_URL names the right host and port, then start again",
    ),
    ExitStatus.SOFTWARE: Explanation(
        "a bug in PID 1", "please report it with the lines above and `edgepaas support-bundle`"
    ),
    ExitStatus.CRASHED: Explanation(
        "a service crash-looped, could not start the app, or died by a signal",
        "read its last lines above; the image or its settings must change",
    ),
    ExitStatus.CANNOT_WRITE: Explanation(
        "a directory that must be writable is not",
        "mount it writable (a volume on /data, tmpfs on /run and /tmp)",
    ),
    ExitStatus.IO: Explanation("disk full or input/output error", "free space or replace the disk"),
    ExitStatus.TEMPORARY: Explanation(
        "a temporary condition lasted longer than the deadline", "try again later"
    ),
    ExitStatus.SCHEMA: Explanation(
        "the schema could not be brought to this image's revision",
        "read the migration's error above; the database is as it was before the failed step",
    ),
    ExitStatus.REFUSED: Explanation(
        "the database refused us: credentials, role, or a missing database",
        "correct DATABASE_URL or the grants; trying again will not help",
    ),
    ExitStatus.CONFIG: Explanation(
        "the configuration is wrong",
        "correct what the report above names; `edgepaas check` tests it",
    ),
    ExitStatus.CUT: Explanation(
        "stopped, but the stop budget cut requests short",
        "raise EDGEPAAS_STOP_TIMEOUT and `docker stop --time` together",
    ),
    ExitStatus.CANNOT_EXECUTE: Explanation(
        "a command, of `docker run` or of a unit, cannot be executed", "check its permissions"
    ),
    ExitStatus.NO_SUCH_COMMAND: Explanation(
        "a command, of `docker run` or in a unit, does not exist",
        "check its name and the interpreter it names; see `edgepaas --help`",
    ),
}


def by_signal(number: int) -> int:
    """Return the status of a container stopped by signal `number` before its boot was complete."""
    return SIGNAL_BASE + number


def explain(status: int) -> Explanation:
    """Return meaning and advice of any exit status, a foreign one included."""
    if status in EXPLANATIONS:
        return EXPLANATIONS[status]
    if status > SIGNAL_BASE:
        return Explanation(f"ended by signal {status - SIGNAL_BASE}", "start again when ready")
    return Explanation("a unit's own exit status", "see that unit's lines above")
