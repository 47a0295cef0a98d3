"""Worker slots: small numbers that outlive the workers in them."""

from collections.abc import Collection
from enum import IntEnum
from itertools import count
from pathlib import Path

from boot import worker_table
from boot.worker_table import CONNECTIONS, DIED, DRAINED, PIDS, STARTS


class Stage(IntEnum):
    """How far the worker in a slot is."""

    GONE = 0
    STARTING = 1
    SERVING = 2
    DRAINING = 3


class Slots:
    """The stage of every slot, and who is in it, in memory that arbiter and workers share.

    It must be made before the workers are forked. With a file the sidecar sees it too.
    """

    def __init__(self, file: Path | None = None) -> None:
        self._table = worker_table.make(file)

    def put(self, slot: int, stage: Stage) -> None:
        """Set the stage of a slot."""
        self._table[slot] = stage

    def leave(self, slot: int) -> Stage:
        """Empty a slot and return the stage it was in."""
        stage = Stage(self._table[slot])
        self._table[slot] = Stage.GONE
        return stage

    def serving(self) -> int:
        """Return how many workers serve."""
        return self._table[: worker_table.ROWS].count(Stage.SERVING)

    def connected(self, slot: int, connections: int) -> None:
        """Note how many connections the worker in a slot has."""
        worker_table.put(self._table, CONNECTIONS, slot, connections)

    def has_its_share(self, slot: int) -> bool:
        """Tell whether a worker that serves has more connections than another that does."""
        stages = self._table[: worker_table.ROWS].rstrip(b"\0")
        if self._table[slot] != Stage.SERVING:
            return False
        mine = worker_table.get(self._table, CONNECTIONS, slot)
        return any(
            stage == Stage.SERVING and worker_table.get(self._table, CONNECTIONS, other) < mine
            for other, stage in enumerate(stages)
        )

    def born(self, slot: int, pid: int) -> None:
        """Note a new worker. Its own process calls it: the arbiter knows no pid before the fork."""
        worker_table.put(self._table, PIDS, slot, pid)
        worker_table.put(self._table, CONNECTIONS, slot, 0)
        worker_table.put(self._table, STARTS, slot, worker_table.get(self._table, STARTS, slot) + 1)

    def ended(self, slot: int, stage: Stage) -> None:
        """Note that the arbiter saw a worker's end, and in which stage it was."""
        worker_table.put(self._table, PIDS, slot, 0)
        column = DRAINED if stage is Stage.GONE else DIED
        worker_table.put(self._table, column, 0, worker_table.get(self._table, column) + 1)


def lowest_free(taken: Collection[int]) -> int:
    """Return the lowest slot that is not `taken`."""
    return next(slot for slot in count() if slot not in taken)
