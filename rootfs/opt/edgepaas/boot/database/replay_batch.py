"""A few operations of the journal, dealt with in one transaction: applied, or parked with why."""

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import NamedTuple

from sqlalchemy import Connection, MetaData, insert, text
from sqlalchemy.exc import StatementError

from boot.database import replay_tables, row_values
from boot.database.contested import ContestedError
from boot.database.journal import Operation
from boot.database.metadata import find_table
from boot.database.replay_fault import judged, words
from boot.database.replay_tables import RowName
from boot.database.schema_error import SchemaError
from boot.database.target_row import TargetRow

AT_ONCE = text("SET CONSTRAINTS ALL IMMEDIATE")
EARLIER = "an earlier change of this row waits for a decision"


class DeferredError(Exception):
    """A constraint that is checked at the commit does not hold."""


class Outcome(NamedTuple):
    """How many operations were applied, parked, and found dealt with before."""

    applied: int = 0
    parked: int = 0
    already: int = 0

    def plus(self, other: "Outcome") -> "Outcome":
        """Return the sums."""
        return Outcome(*map(sum, zip(self, other, strict=True)))


class Batch:
    """Operations of one epoch, going into the tables of one application.

    `key_names` gives the names of a table's primary key in the order of the journal's keys.
    """

    def __init__(
        self,
        connection: Connection,
        metadata: MetaData,
        epoch: str,
        key_names: Callable[[str], list[str]],
    ) -> None:
        self._connection = connection
        self._metadata = metadata
        self.epoch = epoch
        self._key_names = key_names

    def deal_with(self, operations: Sequence[Operation], *, at_once: bool) -> Outcome:
        """Deal with all of them or, where an error is raised, with none.

        Raises DeferredError unless `at_once`, which checks every constraint with its operation;
        SchemaError for what is no row's fault.
        """
        try:
            with judging(), self._connection.begin():
                if at_once:
                    self._connection.execute(AT_ONCE)
                outcome = self._deal_with(operations)
                if not at_once:
                    self._check_deferred()
        except ContestedError as contest:
            raise SchemaError(f"the replay stopped: {contest}", "report this, please") from None
        return outcome

    def force(self, operation: Operation) -> None:
        """Make the row what the operation made it, whatever it is now. Raises ContestedError."""
        with self._savepoint():
            self._connection.execute(AT_ONCE)
            row, values = self.row(operation)
            if operation.token is None:
                row.replace(None)
                row.forget()
            else:
                row.replace(values)
                row.remember(operation.token)

    def row(self, operation: Operation) -> tuple[TargetRow, row_values.Values]:
        """Return the operation's row in PostgreSQL, and its values. Raises ContestedError."""
        table = find_table(self._metadata, operation.table_name)
        if table is None:
            raise ContestedError(f"this image has no table {operation.table_name}")
        raw = operation.values or {}
        names = self._key_names(operation.table_name)
        key = row_values.key(table, {**dict(zip(names, operation.key, strict=False)), **raw})
        values = row_values.values(table, raw)
        return TargetRow(self._connection, table, key, row_name(operation)), values

    def _deal_with(self, operations: Sequence[Operation]) -> Outcome:
        names = [operation.operation for operation in operations]
        new = replay_tables.claim(self._connection, self.epoch, names)
        fresh = [operation for operation in operations if operation.operation in new]
        rows = set(map(row_name, fresh))
        waiting = replay_tables.undecided(self._connection, self.epoch, rows)
        parked = 0
        for operation in fresh:
            row = row_name(operation)
            if row in waiting:
                self._park(operation, EARLIER)
            elif contest := self._contest(operation):
                waiting.add(row)
                self._park(operation, str(contest), self._theirs(operation, contest))
            parked += row in waiting
        return Outcome(len(fresh) - parked, parked, len(operations) - len(fresh))

    def _contest(self, operation: Operation) -> ContestedError | None:
        """Apply the operation; return what stands against it, if anything does."""
        try:
            with self._savepoint():
                self._apply(operation)
        except ContestedError as contest:
            return contest
        return None

    def _apply(self, operation: Operation) -> None:
        row, values = self.row(operation)
        if operation.token is None:
            row.remove(operation.base_token or "")
            row.forget()
            return
        if operation.base_token is None:
            row.insert(values)
        else:
            row.update(values, operation.base_token)
        row.remember(operation.token)

    def _park(self, operation: Operation, reason: str, theirs: str | None = None) -> None:
        table_name, row_key = row_name(operation)
        parked = insert(replay_tables.CONFLICT).values(
            epoch=self.epoch,
            sequence=operation.sequence,
            operation=operation.operation,
            table_name=table_name,
            row_key=row_key,
            key_names=json.dumps(self._key_names(table_name)),
            token=operation.token,
            made_at=operation.made_at,
            reason=reason.encode("ascii", "backslashreplace").replace(b"\0", b"\\0").decode(),
            ours=operation.payload and in_ascii(operation.payload),
            theirs=theirs,
        )
        self._connection.execute(parked)

    def _theirs(self, operation: Operation, contest: ContestedError) -> str | None:
        try:
            with self._savepoint():
                row, values = self.row(operation)
                return row.theirs(values, contest.constraint)
        except ContestedError:
            return None

    @contextmanager
    def _savepoint(self) -> Iterator[None]:
        try:
            with judging(), self._connection.begin_nested():
                yield
        except (ValueError, TypeError, OverflowError) as error:  # the driver's, of a value
            raise ContestedError(words(error)) from None

    def _check_deferred(self) -> None:
        try:
            with self._savepoint():
                self._connection.execute(AT_ONCE)
        except ContestedError as contest:
            raise DeferredError(str(contest)) from None


def row_name(operation: Operation) -> RowName:
    """Return how our tables in PostgreSQL call the operation's row."""
    return operation.table_name, in_ascii(operation.row_key)


def in_ascii(document: str) -> str:
    """Return JSON without the characters that the database's encoding may lack."""
    return json.dumps(json.loads(document))


@contextmanager
def judging() -> Iterator[None]:
    """Raise what an error means: ContestedError for a row's, SchemaError for any other."""
    try:
        yield
    except StatementError as error:
        raise judged(error) from None
