"""What all resources have in common: rows found, pages of them, versions, constraints."""

import sqlite3
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple, TypeVar
from uuid import UUID

from sqlalchemy import Select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session
from sqlalchemy.orm.interfaces import ORMOption

from app.crud.errors import ChangedError, MissingError, RefusedError
from app.models.base import Resource
from app.schemas.query import PageQuery, cursor_after

Row = TypeVar("Row", bound=Resource)
# The tokens of the versions a client agrees to change; None: of any.
Versions = Collection[str] | None

UNIQUE = frozenset(
    {"23505", sqlite3.SQLITE_CONSTRAINT_UNIQUE, sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY}
)
FOREIGN = frozenset({"23503", sqlite3.SQLITE_CONSTRAINT_FOREIGNKEY})


class Page(NamedTuple):
    """Some rows, and the cursor of the page after them."""

    rows: Sequence[Any]
    next_cursor: str | None


def found(
    session: Session,
    model: type[Row],
    row_id: UUID,
    *options: ORMOption,
    lock: bool = False,
) -> Row:
    """Return a row, on request locked until the transaction ends; raise MissingError."""
    row = session.get(
        model, row_id, options=options, with_for_update={"of": model} if lock else None
    )
    if row is None:
        raise MissingError(model.__name__.lower(), row_id)
    return row


def expect(row: Resource, versions: Versions) -> None:
    """Raise ChangedError if a locked row is in none of these versions."""
    if versions is not None and row.row_token not in versions:
        raise ChangedError("it is not in the version that If-Match names; read it again")


def page(session: Session, query: Select[Any], asked: PageQuery) -> Page:
    """Return the rows of `query`, which selects a resource, in the order of their making."""
    row_id = query.column_descriptions[0]["entity"].id
    if asked.after is not None:
        query = query.where(row_id > asked.after)
    rows = session.scalars(query.order_by(row_id).limit(asked.limit + 1)).all()
    shown = rows[: asked.limit]
    return Page(shown, cursor_after(shown[-1].id) if len(rows) > asked.limit else None)


@contextmanager
def refusing(
    unique: RefusedError | None = None, foreign: RefusedError | None = None
) -> Iterator[None]:
    """Raise these where a flush in the block violates a constraint; others pass as they are.

    They are made before it: afterwards the session has forgotten what it had loaded.
    """
    try:
        yield
    except IntegrityError as error:
        code = getattr(error.orig, "pgcode", None) or getattr(error.orig, "sqlite_errorcode", None)
        for codes, refusal in ((UNIQUE, unique), (FOREIGN, foreign)):
            if code in codes and refusal is not None:
                raise refusal from error
        raise
