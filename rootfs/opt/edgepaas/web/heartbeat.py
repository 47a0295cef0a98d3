"""A worker's heartbeat, from its lifespan's start to its drain's end. Imports nothing of ours."""

import asyncio
from collections.abc import Callable, Sequence


class Heartbeat:
    """Calls every beat each `seconds`, by the event loop's monotonic clock.

    A blocked event loop stops it: that is what tells the arbiter that a worker hangs.
    """

    def __init__(self, beats: Sequence[Callable[[], None]], seconds: float) -> None:
        self.beats = beats
        self.seconds = seconds

    async def run(self) -> None:
        """Beat until cancelled."""
        while True:
            for beat in self.beats:
                beat()
            await asyncio.sleep(self.seconds)
