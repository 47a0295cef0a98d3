"""`edgepaas`, the operator's command: a module in verbs/ for each verb, imported when asked for."""

import os
import signal
import sys
from importlib import import_module
from typing import NamedTuple

from boot.exit_status import SIGNAL_BASE, ExitStatus
from boot.verbs.console import complain, say
from boot.verbs.refused import RefusedError


class Verb(NamedTuple):
    """A verb's module and what it is for."""

    module: str
    purpose: str


VERBS = {
    "boot": Verb("boot_table", "the boot as a table: each unit, its seconds and its result"),
    "check": Verb("check", "would this container start? Starts nothing, touches no database"),
    "config": Verb("config", "the effective environment and where each value is from"),
    "doctor": Verb("doctor", "why is it not ready? Looks at the boot, health, disk and limits"),
    "drain": Verb("drain", "turn readiness to 503 and go on serving"),
    "undrain": Verb("undrain", "take a drain back"),
    "migrate": Verb("migrate", "bring the schema to this image's revision, or print the SQL"),
    "db": Verb("db", "the databases: status, replay, back, export, resolve, reset"),
    "alert": Verb("alert", "send a test alert to every place there is: alert test"),
    "seed-demo": Verb("seed_demo", "fill the database with a small example; not in production"),
    "run": Verb("run", "a command in the environment the units have"),
    "support-bundle": Verb("support_bundle", "a tar of all that helps to help, without secrets"),
}
HELP = frozenset({"-h", "--help", "help"})


def knows(word: str) -> bool:
    """Tell whether a command line that begins so is ours."""
    return word in VERBS or word in HELP or word.startswith("-")


def verbs() -> str:
    """Return the verbs as one line."""
    return ", ".join(VERBS)


def usage() -> str:
    """Return what the command can do."""
    width = max(map(len, VERBS))
    lines = (f"  {name:<{width}}  {verb.purpose}" for name, verb in VERBS.items())
    return "\n".join(["usage: edgepaas VERB [OPTION…]", "", *lines])


def main(argv: list[str]) -> int:
    """Run a verb; return its exit status, 64 for one we do not know."""
    if not argv or argv[0] in HELP:
        say(usage())
        return ExitStatus.OK if argv else ExitStatus.USAGE
    if argv[0] not in VERBS:
        complain(f"edgepaas does not know {argv[0]!r}{meant(argv[0])}\n{usage()}")
        return ExitStatus.USAGE
    # As PID 1 of `docker run IMAGE VERB` a process without a handler cannot be stopped.
    signal.signal(signal.SIGTERM, lambda number, _: sys.exit(SIGNAL_BASE + number))
    run = import_module(f"boot.verbs.{VERBS[argv[0]].module}").main
    try:
        status = int(run(argv[1:]))
        sys.stdout.flush()
    except RefusedError as refused:
        complain(str(refused))
        return refused.status
    except KeyboardInterrupt:
        return SIGNAL_BASE + signal.SIGINT
    except BrokenPipeError:
        # The interpreter flushes once more at its end, and would complain.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return SIGNAL_BASE + signal.SIGPIPE
    return status


def meant(word: str) -> str:
    """Return a guess at the verb that was meant, "" where there is none."""
    from difflib import get_close_matches  # noqa: PLC0415 - only a misspelling pays for it

    near = get_close_matches(word, VERBS, n=1)
    return f"; did you mean {near[0]}?" if near else ""


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
