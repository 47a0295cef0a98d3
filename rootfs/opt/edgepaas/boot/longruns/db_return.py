"""db-return: in a fallback, waits until PostgreSQL is back, and leads the container back to it.

A signal ends it as it ends any process: nothing here needs cleaning up, and a replay that is cut
off goes on where it was.
"""

import logging
import os
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

from boot import notifier
from boot.database import probe
from boot.database.outcome import Outcome, Verdict
from boot.database.url import DatabaseUrlError, PostgresUrl, SqliteUrl, parse
from boot.exit_status import ExitStatus
from boot.logline import configure
from boot.verbs import control

PROGRAM = "db-return"
RERUN = "edgepaas.rerun"
FIRST = "db-wait"  # the step that decides anew
MANUAL = "manual"
ATTEMPT_SECONDS = 5.0
CONTROL_SECONDS = 10.0
INTERVAL = 3.0
BETWEEN_GOOD_ANSWERS = 1.0
FIRST_PAUSE, LONGEST_PAUSE = 5.0, 300.0
JITTER = 0.3
FEW = 100  # operations that the boot step replays in no time
MOST_FUTILE = 2
LITTLE_GAIN = 0.75
REMINDER = 600.0

log = logging.getLogger(PROGRAM)


class World(NamedTuple):
    """What the unit takes from the world: time, sleep, chance (0 to 1), and who it asks."""

    ask: Callable[[], Outcome]
    replay: Callable[[], None]
    pending: Callable[[], int]
    go_back: Callable[[], None]
    tell: Callable[[str], None]
    clock: Callable[[], float] = time.monotonic
    pause: Callable[[float], None] = time.sleep
    random: Callable[[], float] | None = None


class NotNowError(Exception):
    """The way back is barred for now; the message says by what, and what to do."""


class Return:
    """The way back of one fallback."""

    def __init__(self, world: World, *, manual: bool) -> None:
        self.world = world
        self.manual = manual
        self._began = self._since = self._reminded = world.clock()
        self._said = self._told = ""
        self._hurdles = 0

    def run(self) -> None:
        """Watch and lead back, until PID 1 ends this process."""
        while True:
            self.wait_until_back()
            if self.manual:
                self.offer()
            else:
                self.lead_back()

    def wait_until_back(self) -> None:
        """Return once PostgreSQL has answered well twice, at least a second apart."""
        while True:
            outcome = self.world.ask()
            if outcome.verdict is Verdict.OK:
                self.world.pause(BETWEEN_GOOD_ANSWERS)
                outcome = self.world.ask()
                if outcome.verdict is Verdict.OK:
                    return
            seconds = self.world.clock() - self._since
            self._tell(f"PostgreSQL: {outcome.verdict} for {seconds:.0f} s")
            self._pause(INTERVAL)

    def lead_back(self) -> None:
        """Replay while the application serves on, then have PID 1 decide anew."""
        try:
            self._replay_most()
            self._tell("PostgreSQL is back; going back to it")
            self.world.go_back()
        except NotNowError as error:
            self._hurdles += 1
            self._say_once(logging.WARNING, str(error))
            pause = min(FIRST_PAUSE * 2 ** (self._hurdles - 1), LONGEST_PAUSE)
            self._tell(f"PostgreSQL is back; tried again in {pause:.0f} s: {error}")
            self._pause(pause)
        else:
            self._hurdles = 0
            self._say_once(logging.INFO, "PostgreSQL is back: asked for db-wait to decide anew")
            # PID 1 ends us now. Should it not, we look again.
            self._pause(LONGEST_PAUSE)

    def offer(self) -> None:
        """Say that the operator may lead back, and keep the count."""
        self._say_once(
            logging.WARNING,
            "PostgreSQL is back, and EDGEPAAS_DB_RETURN=manual: run `edgepaas db back` to return",
        )
        self._tell(f"PostgreSQL is back; {self._waiting()} for `edgepaas db back`")
        self._since = self.world.clock()
        self._pause(INTERVAL)

    def _replay_most(self) -> None:
        """Replay until few operations are left: what is written meanwhile, the next round takes.

        An application that writes as fast would be followed for ever: after two rounds that left
        more than three quarters it has to pause for the rest.
        """
        waiting, futile = self.world.pending(), 0
        while True:
            self._tell(f"PostgreSQL is back; replaying {waiting} changes")
            self.world.replay()
            left = self.world.pending()
            futile = futile + 1 if left > waiting * LITTLE_GAIN else 0
            if left <= FEW or futile == MOST_FUTILE:
                return
            waiting = left

    def _waiting(self) -> str:
        try:
            return f"{self.world.pending()} changes wait"
        except NotNowError as error:
            return f"unknown changes wait ({error})"

    def _tell(self, text: str) -> None:
        """Let the boot report show it."""
        self._told = text
        self.world.tell(text)

    def _remind(self) -> None:
        """Log now and then what goes on: who reads the log's end does not see the boot in it."""
        now = self.world.clock()
        if now - self._reminded >= REMINDER:
            self._reminded = now
            minutes = (now - self._began) / 60
            log.warning(
                "FALLBACK: SQLite stands in for %.0f min by now, %s in it; %s",
                minutes,
                self._waiting(),
                self._told,
            )

    def _say_once(self, level: int, message: str) -> None:
        """Log it unless it was the last thing said."""
        if message != self._said:
            self._said = message
            log.log(level, "%s", message)

    def _pause(self, seconds: float) -> None:
        """Sleep, a little less or more, so that many containers do not come at once."""
        self._remind()
        self.world.pause(seconds * (1 + JITTER * (2 * self._chance() - 1)))

    def _chance(self) -> float:
        if self.world.random:
            return self.world.random()
        from random import random  # noqa: PLC0415  # 5 ms that the first look need not cost

        return random()  # noqa: S311  # jitter


def main(environ: Mapping[str, str] = os.environ) -> int:
    """Watch; return an exit status only where there is nothing to watch."""
    configure(PROGRAM)
    pid1 = notifier.take()
    try:
        world = world_of(environ, pid1)
    except (DatabaseUrlError, KeyError, TypeError) as error:
        log.error("this is no fallback: %s", error)  # noqa: TRY400  # no bug of ours
        return ExitStatus.CONFIG
    pid1.send("READY=1")
    Return(world, manual=environ.get("EDGEPAAS_DB_RETURN") == MANUAL).run()
    return ExitStatus.OK


def world_of(environ: Mapping[str, str], pid1: notifier.Notifier) -> World:
    """Return the real world. Raises DatabaseUrlError, KeyError, TypeError where it is no fallback.

    Only what waiting needs is imported until there is something to replay.
    """
    target = parse(environ["EDGEPAAS_POSTGRES_URL"], "EDGEPAAS_POSTGRES_URL")
    file = parse(environ["DATABASE_URL"])
    if not isinstance(target, PostgresUrl) or not isinstance(file, SqliteUrl):
        raise TypeError("a fallback is a SQLite file that stands in for PostgreSQL")
    path, run_dir = file.path, Path(environ["EDGEPAAS_RUN_DIR"])
    return World(
        ask=lambda: probe.attempt(target, ATTEMPT_SECONDS, environ),
        replay=lambda: replay(environ, path),
        pending=lambda: pending(path),
        go_back=lambda: go_back(run_dir),
        tell=lambda text: pid1.send(f"STATUS={text}"),
    )


def replay(environ: Mapping[str, str], path: Path) -> None:
    """Bring PostgreSQL's schema to head, then the journal into it. Raises NotNowError.

    As schema-bootstrap would, so that it finds little to do while nothing serves.
    """
    from boot.database import replay, schema_request  # noqa: PLC0415  # SQLAlchemy: 160 ms, 20 MB
    from boot.database.schema_error import SchemaError  # noqa: PLC0415
    from boot.oneshots import schema_bootstrap  # noqa: PLC0415

    logging.getLogger("alembic").setLevel(logging.WARNING)  # the migrator names the steps itself
    try:
        request = schema_request.read({**environ, "DATABASE_URL": environ["EDGEPAAS_POSTGRES_URL"]})
        schema_bootstrap.bring_to_head(request)
        replayed = replay.run(request, path)
    except (DatabaseUrlError, SchemaError) as error:
        raise NotNowError(f"{error}; {error.advice}") from None
    except Exception as error:
        # An application's own migration may raise anything.
        log.debug("", exc_info=True)
        raise NotNowError(f"a migration failed: {type(error).__name__}: {error}") from None
    log.info(
        "replayed while the fallback serves: %d applied, %d parked",
        replayed.applied,
        replayed.parked,
    )


def pending(path: Path) -> int:
    """Return how many changes no replay has dealt with. Raises NotNowError."""
    from boot.database.journal import Journal  # noqa: PLC0415  # sqlite3
    from boot.database.schema_error import SchemaError  # noqa: PLC0415

    try:
        return Journal(path).pending()
    except SchemaError as error:
        raise NotNowError(f"{error}; {error.advice}") from None


def go_back(run_dir: Path) -> None:
    """Have PID 1 stop what serves and decide anew. Raises NotNowError."""
    try:
        control.call(run_dir, RERUN, CONTROL_SECONDS, FIRST)
    except control.ControlError as error:
        raise NotNowError(str(error)) from None


if __name__ == "__main__":
    sys.exit(main())
