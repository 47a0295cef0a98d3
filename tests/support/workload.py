"""Many changes of many rows, as an application in a fallback makes them: random, repeatable."""

import random
from collections.abc import Iterator
from typing import Any

from sqlalchemy import Connection, Delete, Insert, Update, delete, insert, update

from tests.support.apps.depot import parts, shelves

Statement = Insert | Update | Delete
INSERT_MOST, CHANGE_MOST = 0.4, 0.9


class Workload:
    """Rows that come, change and go; each statement is one operation of the journal."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)  # noqa: S311  # to be repeatable
        self.alive: list[str] = []
        self._made = 0

    def write(self, connection: Connection, count: int) -> None:
        """Make so many changes."""
        for _ in range(count):
            connection.execute(next(iter(self.statements())))

    def statements(self) -> Iterator[Statement]:
        """Yield changes without end."""
        while True:
            dice = self._random.random()
            if dice < INSERT_MOST or not self.alive:
                yield self._new()
            elif dice < CHANGE_MOST:
                name = self._random.choice(self.alive)
                yield update(parts).where(parts.c.id == name).values(self._values())
            else:
                name = self.alive.pop(self._random.randrange(len(self.alive)))
                yield delete(parts).where(parts.c.id == name)

    def _new(self) -> Statement:
        self._made += 1
        if self._made % 7 == 0:
            return insert(shelves).values(name=f"shelf-{self._made}")
        # Now and then one that was there before: gone, and new again.
        name = f"part-{self._random.randrange(self._made * 3)}"
        if name in self.alive:
            return update(parts).where(parts.c.id == name).values(self._values())
        self.alive.append(name)
        return insert(parts).values(id=name, **self._values())

    def _values(self) -> dict[str, Any]:
        number = self._random.randrange(10**6)
        return {"amount": number, "about": {"ö": [number, None, "'"]}}
