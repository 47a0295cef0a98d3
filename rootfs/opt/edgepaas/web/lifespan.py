"""The lifespan of the app in a worker: of several workers that cannot start, one tells why."""

import logging
from collections.abc import Callable
from typing import Any

from uvicorn.config import Config
from uvicorn.lifespan.on import LifespanOn

log = logging.getLogger(__name__)


class QuietLifespan(LifespanOn):
    """Logs why the app's startup failed, only if `first` says that no other worker has."""

    def __init__(self, config: Config, first: Callable[[], bool]) -> None:
        super().__init__(config)
        self.first = first

    async def send(self, message: Any) -> None:
        """Take a lifespan message of the app."""
        if message["type"] == "lifespan.startup.failed":
            if self.first():
                tell_why(message.get("message") or "")
            message = {**message, "message": ""}
        await super().send(message)


def tell_why(said: str) -> None:
    """Log what the app said, most often a traceback: its last line is the cause."""
    lines = said.strip().splitlines() or ["it gave no reason"]
    fields = {"traceback": said} if len(lines) > 1 else {}
    log.error("the app could not start: %s", lines[-1], extra={"fields": fields})
