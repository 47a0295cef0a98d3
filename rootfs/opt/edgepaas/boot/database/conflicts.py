"""The contested rows of fallbacks, as PostgreSQL keeps them: counted and listed."""

import json
from typing import Any, NamedTuple

from boot.database.postgres_schema import asking
from boot.database.url import PostgresUrl

COUNT = (
    "SELECT DISTINCT epoch, table_name, row_key FROM edgepaas_conflict WHERE resolved_at IS NULL"
)
# Of each row its first operation, which met PostgreSQL's version, and its last, which has ours.
LIST = """
SELECT (array_agg(id ORDER BY sequence))[1], epoch, table_name, row_key,
    (array_agg(reason ORDER BY sequence))[1], count(*),
    (array_agg(ours::text ORDER BY sequence DESC))[1],
    (array_agg(theirs::text ORDER BY sequence))[1], min(parked_at)::text
FROM edgepaas_conflict WHERE resolved_at IS NULL
GROUP BY epoch, table_name, row_key ORDER BY 1
"""


class Conflict(NamedTuple):
    """One row that waits for a decision.

    `fallback` and `postgres` are its two versions as JSON, None for a row that is not there.
    PostgreSQL's is as it was when the row was parked: the row of that key, else the one whose
    values were in the way. `changes` is how many operations wait.
    """

    id: int
    epoch: str
    table: str
    key: str
    reason: str
    changes: int
    fallback: str | None
    postgres: str | None
    parked_at: str

    def as_document(self) -> dict[str, Any]:
        """Return it with its JSON read."""
        read = {
            name: None if text is None else json.loads(text)
            for name, text in zip(
                ("key", "fallback", "postgres"),
                (self.key, self.fallback, self.postgres),
                strict=True,
            )
        }
        return {**self._asdict(), **read}


def count(target: PostgresUrl, seconds: float) -> int:
    """Return how many rows wait for a decision, asked within `seconds`. Raises SchemaError."""
    with asking(target, seconds) as ask:
        return len(ask(COUNT))


def waiting(target: PostgresUrl) -> list[Conflict]:
    """Return the rows that wait for a decision, in the order of parking. Raises SchemaError."""
    with asking(target) as ask:
        return [Conflict(*row) for row in ask(LIST)]
