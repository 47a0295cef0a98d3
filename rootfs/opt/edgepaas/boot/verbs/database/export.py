"""edgepaas db export: the journal of a fallback as lines of JSON."""

import json
import os
from collections.abc import Iterator
from pathlib import Path

from boot.database import decision
from boot.database.journal import Journal, Operation
from boot.exit_status import ExitStatus
from boot.verbs import arguments, in_effect, job
from boot.verbs.console import complain, say
from boot.verbs.refused import RefusedError

USAGE = """\
usage: edgepaas db export [--file FILE]

Prints every operation of the fallback's journal, replayed or not, one JSON object a line, in
order: epoch, sequence, operation, made_at, revision, table, key (the primary key's values),
base_token (null: the row is new), token (null: the row is gone) and row (the whole row, or null).
A real is {"real": "0.1"}, bytes are {"blob": "HEX"}, as SQLite had them.
FILE is a file that was kept; by default the fallback that waits in EDGEPAAS_DATA_DIR.

Exit status: 0, also where nothing waits; 64 FILE is no fallback's; 75 it is busy."""
CHUNK = 1000


def main(argv: list[str]) -> int:
    """Print the journal; return the exit status."""
    match argv:
        case []:
            return waiting()
        case ["--file", name]:
            return export(Path(name))
    return arguments.answer("db export", argv, USAGE)


def waiting() -> int:
    """Print the journal of the fallback that waits, if one does."""
    data_dir = in_effect.contract().lenient(os.environ, "EDGEPAAS_DATA_DIR")
    path = Path(data_dir, decision.FALLBACK_FILE)
    if job.refusing(Journal(path).exists):
        return export(path)
    complain(f"nothing waits: there is no journal in {path}; for one that was kept use --file")
    return ExitStatus.OK


def export(path: Path) -> int:
    """Print the journal in a file. Raises RefusedError."""
    journal = Journal(path)
    epoch = job.refusing(journal.epoch)
    if epoch is None:
        raise RefusedError(f"{path} is not there, or has no journal", ExitStatus.USAGE)
    operations = chunks(journal)
    while chunk := job.refusing(lambda: next(operations, [])):
        for operation in chunk:
            say(line(epoch.id, operation))
    return ExitStatus.OK


def chunks(journal: Journal) -> Iterator[list[Operation]]:
    """Yield the operations in order, some at a time."""
    after = 0
    while found := journal.operations(after, CHUNK):
        yield found
        after = found[-1].sequence


def line(epoch: str, operation: Operation) -> str:
    """Return one operation as a JSON object."""
    return json.dumps(
        {
            "epoch": epoch,
            "sequence": operation.sequence,
            "operation": operation.operation,
            "made_at": operation.made_at,
            "revision": operation.revision,
            "table": operation.table_name,
            "key": json.loads(operation.row_key),
            "base_token": operation.base_token,
            "token": operation.token,
            "row": operation.payload and json.loads(operation.payload),
        }
    )
