"""The lifespan of the app in a worker: of several workers that cannot start, one tells why."""

from collections.abc import Callable
from typing import Any

from uvicorn.config import Config
from uvicorn.lifespan.on import LifespanOn


class QuietLifespan(LifespanOn):
    """Passes the app's traceback on only if `first` says that no other worker has."""

    def __init__(self, config: Config, first: Callable[[], bool]) -> None:
        super().__init__(config)
        self.first = first

    async def send(self, message: Any) -> None:
        """Take a lifespan message of the app."""
        if message["type"] == "lifespan.startup.failed" and not self.first():
            message = {**message, "message": ""}
        await super().send(message)
