"""A fallback's journal, brought into PostgreSQL: each operation once, none lost, none by force."""

import logging
from collections.abc import Callable, Sequence
from functools import cache, partial
from pathlib import Path
from typing import NamedTuple

from sqlalchemy import Connection

from boot.database import replay_tables
from boot.database.deadline import Deadline
from boot.database.journal import Epoch, Journal, target_of
from boot.database.locked_connection import locked
from boot.database.metadata import import_metadata
from boot.database.replay_batch import Batch, DeferredError, Outcome, judging
from boot.database.replay_fault import PassingError
from boot.database.replay_tables import RowName
from boot.database.schema_error import SchemaError
from boot.database.schema_request import SchemaRequest
from boot.database.url import PostgresUrl
from boot.exit_status import ExitStatus

# Below 64 savepoints PostgreSQL keeps them in memory. A deferred constraint may hold only with
# operations that follow: then more of them in one transaction, and at last each by itself.
USUAL, MANY = 50, 1000
COURSES = ((USUAL, False), (MANY, False), (USUAL, True))
SHORTEST_POLL, LONGEST_POLL = 0.2, 2.0
NAMED_MOST = 5

log = logging.getLogger(__name__)


class Replayed(NamedTuple):
    """How many operations were applied, parked, and found dealt with by an earlier replay.

    `contested` names rows, of the whole epoch, that wait for a decision: table and key.
    """

    applied: int
    parked: int
    already: int
    contested: tuple[RowName, ...] = ()


def run(request: SchemaRequest, path: Path, *, into_another: bool = False) -> Replayed:
    """Replay all that the journal at `path` holds, at this moment, into the request's database.

    Safe to be killed and repeated, while the application still writes to the file, and beside
    another replay. Raises SchemaError: 75 when PostgreSQL is lost or locked and the same replay
    may work later, 77 where a right is missing, 78 where the journal is another database's and
    `into_another` does not allow it.
    """
    journal = Journal(path)
    epoch = journal.epoch()
    if epoch is None or not journal.operations(limit=1):
        return Replayed(0, 0, 0)
    if not into_another:
        _refuse_another(request, epoch, path)
    metadata = import_metadata(request.metadata)
    deadline = Deadline(request.lock_seconds)
    with locked(request, deadline) as connection:
        batch = Batch(connection, metadata, epoch.id, cache(journal.key_columns))
        replay = Replay(journal, connection, batch, deadline)
        return Replayed(*replay.run(), replay.contested())


def at_boot(request: SchemaRequest, path: Path, *, into_another: bool = False) -> None:
    """Replay what is left of a fallback that is over, set its file aside, and tell.

    Raises SchemaError as `run` does, and while somebody still has the file open (75).
    """
    epoch = Journal(path).epoch()
    if epoch is None:
        return
    replayed = run(request, path, into_another=into_another)
    dealt = Journal(path).progress()
    earlier = dealt.applied + dealt.parked - replayed.applied - replayed.parked
    replayed = replayed._replace(already=max(replayed.already, earlier))
    kept = Journal(path).close_and_keep()
    tell(replayed, epoch, f"; the file is kept: {kept}" if kept else "")


def tell(replayed: Replayed, epoch: Epoch, postscript: str = "") -> None:
    """Log how a replay went; loudly where rows wait for a decision."""
    counts = f"{replayed.applied} applied, {replayed.parked} parked"
    before = f", {replayed.already} by an earlier replay" if replayed.already else ""
    fields = {"epoch": epoch.id, **dict(zip(Replayed._fields[:3], replayed, strict=False))}
    log.info(
        "replayed the fallback since %s into PostgreSQL: %s%s%s",
        epoch.began_at,
        counts,
        before,
        postscript,
        extra={"fields": fields},
    )
    if replayed.contested:
        log.warning(
            "contested rows wait for a decision: %s; see `edgepaas db resolve`",
            named(replayed.contested),
            extra={"fields": {"epoch": epoch.id, "contested": len(replayed.contested)}},
        )


def named(rows: Sequence[RowName]) -> str:
    """Return the first rows in words: `nodes ["a"], nodes ["b"] and 3 more`."""
    first = ", ".join(f"{table} {key}" for table, key in rows[:NAMED_MOST])
    more = len(rows) - NAMED_MOST
    return f"{first} and {more} more" if more > 0 else first


def _refuse_another(request: SchemaRequest, epoch: Epoch, path: Path) -> None:
    target = request.target
    here = target_of(target.parameters) if isinstance(target, PostgresUrl) else "no PostgreSQL"
    if here != epoch.target:
        raise SchemaError(
            f"{path} holds rows for the PostgreSQL {epoch.target}, but DATABASE_URL names {here}",
            "set DATABASE_URL to that one again; if it is the same database under another name, "
            "or these rows shall go into this one: edgepaas db replay --into-another",
            ExitStatus.CONFIG,
        )


class Replay:
    """The replay of one journal over one connection."""

    def __init__(
        self, journal: Journal, connection: Connection, batch: Batch, deadline: Deadline
    ) -> None:
        self._journal = journal
        self._connection = connection
        self._batch = batch
        self._epoch = batch.epoch
        self._deadline = deadline

    def run(self) -> Outcome:
        """Deal with every operation there is now, batch by batch. Raises SchemaError.

        Not with all that follow meanwhile: an application may write faster than this.
        """
        total, after, last = Outcome(), self._begin(), self._journal.last()
        while after < last:
            outcome, through = self._repeat(partial(self._next, after))
            if through == after:
                return total
            total, after = total.plus(outcome), through
            self._note(through)
        return total

    def contested(self) -> tuple[RowName, ...]:
        """Return the rows of the epoch that wait for a decision."""
        with judging(), self._connection.begin():
            found = self._connection.execute(replay_tables.open_rows(self._epoch))
            return tuple((table, key) for table, key in found)

    def _begin(self) -> int:
        """Return where to go on: at the start where PostgreSQL knows less than the journal says.

        It does when it was restored, when a standby took over, and when it is another one.
        """
        with judging(), self._connection.begin():
            replay_tables.make(self._connection)
            known = sum(replay_tables.dealt(self._connection, self._epoch))
        said = self._journal.progress()
        return said.through if known >= said.applied + said.parked else 0

    def _next(self, after: int) -> tuple[Outcome, int]:
        """Deal with the operations that follow; return where they end."""
        for most, at_once in COURSES:
            operations = list(self._journal.operations(after, most))
            if not operations:
                return Outcome(), after
            try:
                outcome = self._batch.deal_with(operations, at_once=at_once)
            except DeferredError:
                continue
            return outcome, operations[-1].sequence
        raise AssertionError("an operation by itself has nothing to defer")

    def _note(self, through: int) -> None:
        """Tell the journal. Only a hint: killed before it, we find the operations dealt with."""
        with judging(), self._connection.begin():
            dealt = replay_tables.dealt(self._connection, self._epoch)
        self._journal.advance(through, dealt.applied, dealt.parked)

    def _repeat(self, action: Callable[[], tuple[Outcome, int]]) -> tuple[Outcome, int]:
        """Do it again while only somebody else's lock stands in the way, until the deadline."""
        while True:
            try:
                return action()
            except PassingError as error:
                if self._deadline.remaining() <= 0:
                    raise
                log.info("%s; trying again", error)
                self._deadline.nap(SHORTEST_POLL, LONGEST_POLL)
