"""Tells PID 1 when web is ready: not when the arbiter runs, but when every worker serves."""

from boot.notifier import Notifier
from web.slots import Slots, Stage


class Readiness:
    """How many of the `wanted` workers serve, told to PID 1 at each change."""

    def __init__(self, slots: Slots, notifier: Notifier, wanted: int) -> None:
        self.slots = slots
        self.notifier = notifier
        self.wanted = wanted

    def serves(self, slot: int) -> None:
        """Note that the worker in `slot` listens, its lifespan startup done.

        Whoever completes the set says READY=1. Two that come at once both say it: harmless.
        """
        self.slots.put(slot, Stage.SERVING)
        complete = self.slots.serving() >= self.wanted
        self.notifier.send(*(["READY=1"] if complete else []), self._status())

    def drains(self, slot: int) -> None:
        """Note that the worker in `slot` takes no new connections."""
        self.slots.put(slot, Stage.DRAINING)
        self.notifier.send(self._status())

    def drained(self, slot: int) -> None:
        """Note that the worker in `slot` has nothing left to do."""
        self.slots.leave(slot)

    def ended(self, slot: int) -> Stage:
        """Note that the worker in `slot` is gone; return how far it had come."""
        stage = self.slots.leave(slot)
        if stage is Stage.SERVING:
            self.notifier.send(self._status())
        return stage

    def stopping(self) -> None:
        """Note that the arbiter was told to stop."""
        self.notifier.send("STOPPING=1", "STATUS=draining")

    def alive(self) -> None:
        """Feed the watchdog."""
        self.notifier.send("WATCHDOG=1")

    def _status(self) -> str:
        return f"STATUS={self.slots.serving()} of {self.wanted} workers serve"
