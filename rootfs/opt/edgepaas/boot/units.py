"""Units: what the container starts, as declared. Imports nothing of ours."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple


class Kind(StrEnum):
    """A oneshot ends; a longrun stays."""

    ONESHOT = "oneshot"
    LONGRUN = "longrun"


class Ready(StrEnum):
    """When the units that require this one may start."""

    EXIT = "exit"
    NOTIFY = "notify"
    STARTED = "started"


class OnFailure(StrEnum):
    """What a unit's failure means for the others."""

    HALT = "halt"
    IGNORE = "ignore"


class When(StrEnum):
    """Whether a oneshot belongs to the boot or is a hook of the stop."""

    BOOT = "boot"
    STOP = "stop"


class RestartBudget(NamedTuple):
    """At most so many `times` within `seconds`."""

    times: int
    seconds: float


DEFAULT_RESTARTS = RestartBudget(5, 60.0)


@dataclass(frozen=True)
class Unit:
    """One declared unit. Times are in seconds; `watchdog` 0 means none.

    `condition` is a variable: the unit is passed over unless it is set and not 0.
    `ahead`: its program starts at once and waits at its gate (boot.gate) for what is required.
    `reload` is the signal, without SIG, that makes it read its configuration again.
    `listen` names the variables of the address and the port it is given a socket for, or is empty.
    `program` holds the raw options of its `[program:NAME]`; `where` is `file:line`.
    """

    name: str
    kind: Kind
    requires: tuple[str, ...] = ()
    timeout: float = 60.0
    ready: Ready = Ready.EXIT
    on_failure: OnFailure = OnFailure.HALT
    restarts: RestartBudget = DEFAULT_RESTARTS
    retries: int = 0
    backoff: float = 1.0
    watchdog: float = 0.0
    when: When = When.BOOT
    condition: str = ""
    reload: str = ""
    listen: tuple[str, ...] = ()
    ahead: bool = False
    program: Mapping[str, str] = field(default_factory=dict)
    where: str = ""

    @property
    def notifies(self) -> bool:
        """Tell whether the unit is given a NOTIFY_SOCKET."""
        return self.ready is Ready.NOTIFY or self.watchdog > 0


@dataclass(frozen=True)
class Problem:
    """One thing wrong with the unit files: where, what, and what to write instead."""

    where: str
    what: str
    fix: str

    def __str__(self) -> str:
        return f"{self.where}: {self.what}; {self.fix}"
