"""What is lost when a database is emptied. Imports nothing of ours."""

from typing import NamedTuple


class Losses(NamedTuple):
    """A database that could be emptied, and the rows it holds by table.

    `name` is what a person types to confirm; `apps` are EdgePaaS's connections to it, `others`
    everybody else's, both by application_name.
    """

    name: str
    place: str
    revision: str
    rows: dict[str, int]
    apps: tuple[str, ...] = ()
    others: tuple[str, ...] = ()

    @property
    def total(self) -> int:
        """The number of all rows."""
        return sum(self.rows.values())
