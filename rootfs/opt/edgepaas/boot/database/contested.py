"""A row that PostgreSQL does not take as it is. Imports nothing of ours."""


class ContestedError(Exception):
    """The change cannot stand beside what PostgreSQL holds; the message says why.

    `constraint` is the name of the constraint in its way, "" where it is something else.
    """

    def __init__(self, reason: str, constraint: str = "") -> None:
        super().__init__(reason)
        self.constraint = constraint
