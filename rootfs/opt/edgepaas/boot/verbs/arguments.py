"""What a verb answers to a command line it does not go by."""

from collections.abc import Sequence

from boot.exit_status import ExitStatus
from boot.verbs.console import complain, say

HELP = frozenset({"-h", "--help"})


def answer(verb: str, argv: Sequence[str], usage: str) -> int:
    """Print the usage where it is asked for, else complain; return 0 or 64."""
    if argv and argv[0] in HELP:
        say(usage)
        return ExitStatus.OK
    words = " ".join(argv)
    complain(
        f"edgepaas {verb} {f'does not know {words!r}' if argv else 'needs more words'}\n{usage}"
    )
    return ExitStatus.USAGE
