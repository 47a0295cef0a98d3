"""PID 1: with no argument it boots; a verb of ours is run, any other command is exec'd as it is."""

import gc
import os
import signal
import sys

from boot import cli, quick_exit
from boot.exit_status import ExitStatus
from boot.signals import IGNORED_BY_PYTHON, OURS


def main(argv: list[str]) -> int:
    """Boot, run a verb, or become another program; return the exit status."""
    if not argv:
        # Nothing of what is imported is garbage: looking for it costs 20 ms.
        gc.disable()
        # supervisord takes 70 ms to import: a foreign command does not pay for it.
        from boot import lifetime  # noqa: PLC0415

        return quick_exit.expect(lifetime.run())
    signal.pthread_sigmask(signal.SIG_UNBLOCK, OURS)
    if cli.knows(argv[0]):
        return cli.main(argv)
    return become(argv)


def become(argv: list[str]) -> int:
    """Replace this process by a command. Return 127 or 126, as a shell does, where that fails."""
    for number in IGNORED_BY_PYTHON:
        signal.signal(number, signal.SIG_DFL)
    try:
        os.execvp(argv[0], argv)  # noqa: S606 - without a shell, on purpose
    except FileNotFoundError:
        sys.stderr.write(f"{argv[0]}: no such command, and no verb of edgepaas ({cli.verbs()})\n")
        return ExitStatus.NO_SUCH_COMMAND
    except OSError as error:
        sys.stderr.write(f"{argv[0]}: {error.strerror}\n")
        return ExitStatus.CANNOT_EXECUTE


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
