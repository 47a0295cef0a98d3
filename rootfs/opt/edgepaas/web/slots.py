"""Worker slots: small numbers that outlive the workers in them. Imports nothing of ours."""

import mmap
from collections.abc import Collection
from enum import IntEnum
from itertools import count


class Stage(IntEnum):
    """How far the worker in a slot is."""

    GONE = 0
    STARTING = 1
    SERVING = 2
    DRAINING = 3


class Slots:
    """The stage of every slot, one byte each in memory that arbiter and workers share.

    It must be made before the workers are forked. A byte is written whole, so no lock is needed.
    """

    def __init__(self) -> None:
        self._stages = mmap.mmap(-1, mmap.PAGESIZE)

    def put(self, slot: int, stage: Stage) -> None:
        """Set the stage of a slot."""
        self._stages[slot] = stage

    def leave(self, slot: int) -> Stage:
        """Empty a slot and return the stage it was in."""
        stage = Stage(self._stages[slot])
        self._stages[slot] = Stage.GONE
        return stage

    def serving(self) -> int:
        """Return how many workers serve."""
        return self._stages[:].count(Stage.SERVING)


def lowest_free(taken: Collection[int]) -> int:
    """Return the lowest slot that is not `taken`."""
    return next(slot for slot in count() if slot not in taken)
