"""edgepaas db: what can be done about the databases; a module in verbs/database/ for each word."""

from importlib import import_module

from boot.exit_status import ExitStatus
from boot.verbs import arguments
from boot.verbs.console import say

WORDS = {
    "status": "which database serves, and which rows of a fallback wait",
    "replay": "bring the rows of a fallback into PostgreSQL",
    "back": "leave the fallback: return the running container to PostgreSQL",
    "export": "the journal of a fallback as lines of JSON",
    "resolve": "the contested rows, and which version of one is to stand",
    "reset": "empty the database and make its schema anew; a dump is kept",
}
USAGE = "\n".join(
    [
        "usage: edgepaas db WORD [OPTION…]",
        "",
        *(f"  {word:<8} {purpose}" for word, purpose in WORDS.items()),
        "",
        "edgepaas db WORD --help tells more.",
    ]
)


def main(argv: list[str]) -> int:
    """Do what the word asks for; return its exit status."""
    if argv and argv[0] in WORDS:
        status: int = import_module(f"boot.verbs.database.{argv[0]}").main(argv[1:])
        return status
    if argv and argv[0] not in arguments.HELP:
        return arguments.answer("db", argv, USAGE)
    say(USAGE)
    return ExitStatus.OK if argv else ExitStatus.USAGE
