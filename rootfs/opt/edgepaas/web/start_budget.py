"""How many workers in a row may end before they serve."""

from web.slots import Stage

STARTS_PER_WORKER = 5


class StartBudget:
    """Counts workers that never served, so that a web service that cannot start ends."""

    def __init__(self) -> None:
        self.failed = 0

    def ended(self, stage: Stage, workers: int) -> bool:
        """Note a worker that ended in `stage`, one of so many; tell whether it was one too many."""
        if stage is Stage.STARTING:
            self.failed += 1
        elif stage is Stage.SERVING:
            self.failed = 0
        return self.failed >= workers * STARTS_PER_WORKER
