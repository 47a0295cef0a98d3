"""The tiny app in a worker whose wall clock is set back by an hour at the first request."""

import time
from typing import Any

from tests.support.apps import tiny

now = time.time


async def app(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """Serve the tiny app."""
    if scope["type"] == "http":
        time.time = lambda: now() - 3600
    await tiny.app(scope, receive, send)
