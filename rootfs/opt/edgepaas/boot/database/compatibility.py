"""Which images may run on a schema: each migration declares it, the database keeps it.

One row per revision, written in the transaction of the migration, so an older image that meets a
newer schema can read there whether it may serve it.
"""

import json
import logging
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from boot.database.revisions import Revisions, State
from boot.database.schema_error import SchemaError

TABLE = "edgepaas_schema"
QUESTION = f"SELECT revision, readers, image, digest FROM {TABLE}"  # noqa: S608  # a constant
# For PostgreSQL and SQLite alike.
CREATE = (
    f"CREATE TABLE IF NOT EXISTS {TABLE} (revision TEXT NOT NULL PRIMARY KEY, "
    "readers TEXT NOT NULL, image TEXT NOT NULL, digest TEXT NOT NULL, "
    "made_at TIMESTAMP WITH TIME ZONE NOT NULL DEFAULT CURRENT_TIMESTAMP)"
)

log = logging.getLogger(__name__)


class Row(NamedTuple):
    """What the database keeps of one revision.

    `image` made it; `digest` is of the migration's file as it was then.
    """

    readers: frozenset[str]
    image: str = ""
    digest: str = ""


Rows = Mapping[str, Row]


class Standing(NamedTuple):
    """What a database says of itself: the revisions it is at, and the rows it keeps."""

    current: frozenset[str]
    rows: Rows


class Ledger:
    """Writes the row of each revision that a migration reaches."""

    def __init__(self, own: Revisions, rows: Rows, image: str) -> None:
        self._own = own
        self._rows = dict(rows)
        self._image = image

    def reached(self, revision: str) -> list[str]:
        """Return the SQL for the transaction that brings the database to `revision`."""
        readers = readers_after(revision, self._own, self._rows)
        self._rows[revision] = Row(readers, self._image, self._own.digest(revision))
        return [CREATE, _upsert(revision, self._rows[revision])]

    def created(self, head: str) -> list[str]:
        """Return the SQL for the transaction that creates the head's tables at once.

        They are what all migrations would have made, so the head admits whom they would have let.
        """
        self._rows = dict(planned(Standing(frozenset(), {}), self._own))
        return self.reached(head)


def read(answer: Iterable[tuple[str, str, str, str]]) -> Rows:
    """Return the rows that QUESTION found; one that was written by hand and wrong admits nobody."""
    return {revision: Row(_names(text), *rest) for revision, text, *rest in answer}


def is_served(standing: Standing, own: Revisions) -> bool:
    """Tell whether this image can serve the database as it is.

    Raises SchemaError for one that a newer image made and that does not admit this one.
    """
    state = own.state(standing.current)
    if state is State.AHEAD:
        if own.head() not in _newest(standing).readers:
            raise refuse_newer(standing, own)
        return True
    return state is State.AT_HEAD


def told(standing: Standing, own: Revisions) -> str:
    """Return how it stands, in a line, where this image can serve it."""
    if own.state(standing.current) is State.AT_HEAD:
        return f"at head: {own.head()}"
    return (
        f"the database is at {_listed(standing.current)}, which {_maker(standing)} made; "
        f"it admits images at {own.head()}, so this one serves it"
    )


def refuse_newer(standing: Standing, own: Revisions) -> SchemaError:
    """Return the error of an older image that meets a schema it may not serve: a rollback."""
    admitted = sorted(_newest(standing).readers - standing.current)
    advice = f"start {_maker(standing)} again"
    if admitted:
        advice += f", or one at {' or '.join(admitted)}"
    return SchemaError(
        f"the database is at revision {_listed(standing.current - own.known)}, made by a newer "
        f"image; this one knows up to {_listed(own.heads)} and is not among those it admits",
        f"{advice}; the database was not touched",
    )


def readers_after(revision: str, own: Revisions, rows: Rows) -> frozenset[str]:
    """Return who may run on `revision`: what it declares, as far as what it builds on admits.

    A parent without a row was reached by somebody else's hand: it counts as admitting itself only.
    """
    admitted = [
        rows[each].readers if each in rows else frozenset({each})
        for each in own.migrations[revision].below
    ]
    declared = declared_readers(revision, own)
    return frozenset({revision}) | declared.intersection(*admitted)


def declared_readers(revision: str, own: Revisions) -> frozenset[str]:
    """Return the revision and those below it down to its min_reader; itself where it has none.

    Raises SchemaError for a min_reader that is not below it.
    """
    below = own.ancestors(revision)
    oldest = own.migrations[revision].min_reader
    if not oldest:
        return frozenset({revision})
    if oldest not in below:
        raise SchemaError(
            f"migration {revision} has min_reader = {oldest!r}, which it does not build on",
            "name the oldest revision whose code can still run on what the migration leaves",
        )
    return frozenset(each for each in below if oldest in own.ancestors(each))


def planned(standing: Standing, own: Revisions) -> Rows:
    """Return the rows there will be once the head is reached. Raises SchemaError."""
    rows = dict(standing.rows)
    done = frozenset[str]().union(*map(own.ancestors, standing.current))
    for each in own.migrations:
        if each not in done:
            rows[each] = Row(readers_after(each, own, rows))
    return rows


def warn_of_edited(own: Revisions, rows: Rows) -> None:
    """Log each revision whose file is not the one that ran here: nothing will run it again."""
    for name in own.migrations:
        if name in rows and rows[name].digest not in {"", own.digest(name)}:
            log.warning(
                "migration %s is not the file that ran here, in image %s: what that made, stays",
                name,
                rows[name].image or "of no name",
            )


def forget(revision: str) -> list[str]:
    """Return the SQL for the transaction that takes the database back from `revision`."""
    return [CREATE, f"DELETE FROM {TABLE} WHERE revision = {_quoted(revision)}"]  # noqa: S608  # quoted


def _upsert(revision: str, row: Row) -> str:
    values = (revision, json.dumps(sorted(row.readers)), row.image, row.digest)
    return (
        f"INSERT INTO {TABLE} (revision, readers, image, digest) "  # noqa: S608  # quoted
        f"VALUES ({', '.join(map(_quoted, values))}) ON CONFLICT (revision) DO UPDATE SET "
        "readers = excluded.readers, image = excluded.image, digest = excluded.digest, "
        "made_at = CURRENT_TIMESTAMP"
    )


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _names(text: str) -> frozenset[str]:
    try:
        found = json.loads(text)
    except ValueError:
        return frozenset()
    names = found if isinstance(found, list) else []
    return frozenset(name for name in names if isinstance(name, str))


def _newest(standing: Standing) -> Row:
    """Return the row of what the database is at; two revisions at once admit nobody."""
    (revision, *others) = standing.current
    unknown = Row(frozenset())
    return unknown if others else standing.rows.get(revision, unknown)


def _maker(standing: Standing) -> str:
    image = _newest(standing).image
    return f"image {image}" if image else "the newer image"


def _listed(names: Iterable[str]) -> str:
    return ", ".join(sorted(names))
