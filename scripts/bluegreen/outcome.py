"""How a word of blue/green ends: its exit statuses, and the failure that carries one."""

from __future__ import annotations

from enum import IntEnum

from scripts.console import Failure


class Outcome(IntEnum):
    """The script's own exit statuses; a container that ended by itself hands on its own."""

    DONE = 0
    NOT_DEPLOYED = 20
    SWITCHED_BACK = 21
    UNCERTAIN = 22
    USAGE = 64
    TRY_AGAIN = 75
    CONFIG = 78


# What a new container's end tells of the deploy, with its number kept (docs/exit-status.md).
HANDED_ON = frozenset({69, 70, 71, 73, 74, 75, 76, 77, 78, 126, 127})


class Stopped(Failure):
    """A word could not do what it was asked to; `status` is what the script exits with."""

    def __init__(self, text: str, status: int = Outcome.NOT_DEPLOYED) -> None:
        super().__init__(text)
        self.status = int(status)


class Interrupted(Stopped):
    """Somebody asked the script to end: Ctrl-C, SIGTERM, or `abort` from another terminal."""

    def __init__(self) -> None:
        super().__init__("interrupted", Outcome.NOT_DEPLOYED)


def of_container(status: int) -> int:
    """Return the script's status for a new container that ended by itself with `status`."""
    return status if status in HANDED_ON else Outcome.NOT_DEPLOYED
